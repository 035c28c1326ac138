/**
 * Records what the real MLflow server (the newest, for every client) answers to the scenarios:
 * `bun test/mlflow/record.ts [mlflow2|mlflow3] [scenario…]`
 * writes test/mlflow/golden/<client>/<scenario>.json. Review the difference before committing it: it is the contract.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pythonWith } from "../python.ts";
import { CLIENTS, type Client, GOLDEN, runScenarios } from "./client.ts";
import { startReference } from "./reference.ts";

const isClient = (word: string): word is Client => (CLIENTS as readonly string[]).includes(word);

async function venv(name: string): Promise<string> {
  const python = await pythonWith(name);
  if (python === undefined) throw new Error(`no virtual environment for ${name}`);
  return python;
}

async function record(client: Client, names: string[]): Promise<void> {
  const python = await venv(client);
  // One reference for every client: the newest server.
  const server = await startReference(await venv("mlflow3"));
  try {
    const { scenarios, stopped } = await runScenarios(python, server.url, names);
    await mkdir(join(GOLDEN, client), { recursive: true });
    for (const [name, steps] of Object.entries(scenarios)) {
      await writeFile(join(GOLDEN, client, `${name}.json`), `${JSON.stringify(steps, null, 1)}\n`);
      process.stderr.write(`${client}/${name}: ${Object.keys(steps).length} steps\n`);
    }
    for (const [name, traceback] of Object.entries(stopped)) process.stderr.write(`${name} STOPPED\n${traceback}\n`);
  } finally {
    await server.stop();
  }
}

const words = process.argv.slice(2);
const names = words.filter((word) => !isClient(word));
for (const client of words.some(isClient) ? words.filter(isClient) : CLIENTS) await record(client, names);

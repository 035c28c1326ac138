/** Workspaces, model folders and serving processes for the tests of serving. */

import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ColumnSpec } from "../../src/base/columns.ts";
import { deployVersion } from "../../src/serving/deployment.ts";
import { type Serving, type ServingOptions, startServing } from "../../src/serving/worker.ts";
import { type TrimtabFlavor, writeMlmodel } from "../../src/spec/mlmodel.ts";

export const number = (name: string, required = true): ColumnSpec => ({ name, type: "number", required });

export interface Place {
  dir: string;
  deployDir: string;
  predictionsDir: string;
  remove(): void;
}

export function makePlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), "trimtab-serving-"));
  return {
    dir,
    deployDir: join(dir, "deploy"),
    predictionsDir: join(dir, "predictions"),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** P(1) = sigmoid(a + b). */
export const LOGISTIC = `export function predict(columns, rows) {
  const { a, b } = columns;
  const p = new Float64Array(rows);
  for (let i = 0; i < rows; i++) p[i] = 1 / (1 + Math.exp(-(a[i] + b[i])));
  return p;
}`;

/** A version's folder with a JavaScript model. */
export async function makeModel(
  place: Place,
  version: number,
  source = LOGISTIC,
  flavor: Partial<TrimtabFlavor> = {},
): Promise<string> {
  const folder = join(place.dir, "models", "m", `v${version}`);
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "model.js"), source);
  await writeFlavor(folder, flavor);
  return folder;
}

export async function writeFlavor(folder: string, flavor: Partial<TrimtabFlavor>): Promise<void> {
  const trimtab: TrimtabFlavor = {
    runtime: "javascript",
    entry: "model.js",
    task: "classification",
    target: "late",
    classes: [0, 1],
    inputs: [number("a"), number("b")],
    ...flavor,
  };
  await writeMlmodel(folder, { trimtab, flavors: {}, other: {} });
}

export const deploy = (place: Place, version: number, folder: string) =>
  deployVersion({ deployDir: place.deployDir, model: "m", reason: "test", models: [{ version, folder }] });

export interface Running {
  serving: Serving;
  url: string;
  post(path: string, body: unknown): Promise<{ status: number; body: Answer; headers: Headers }>;
  get(path: string): Promise<{ status: number; text: string }>;
}

export interface Answer {
  model: string;
  version: number;
  variant: string;
  id: string;
  predictions: (string | number | boolean)[];
  probabilities?: number[][];
  accepted?: number;
  error: { code: string; message: string; place: string; mend: string };
}

/** Starts serving in this process; the caller drains it. */
export async function run(place: Place, options: Partial<ServingOptions> = {}): Promise<Running> {
  const { deployDir, predictionsDir } = place;
  const serving = await startServing({ deployDir, predictionsDir, port: 0, host: "127.0.0.1", ...options });
  await serving.loaded;
  const url = `http://127.0.0.1:${serving.port}`;
  return {
    serving,
    url,
    async post(path, body) {
      const response = await fetch(url + path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Answer, headers: response.headers };
    },
    async get(path) {
      const response = await fetch(url + path);
      return { status: response.status, text: await response.text() };
    },
  };
}

/** Waits for a condition with a generous bound; fails loudly beyond it. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(5);
  }
}

/** Real MLflow clients against our server see what they see against MLflow's own (golden/), but for what differences.ts lists. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pythonWith } from "../python.ts";
import { CLIENTS, type Client, GOLDEN, runScenarios, type Steps, type Transcript } from "./client.ts";
import { type Difference, differencesOf } from "./compare.ts";
import { DELIBERATE } from "./differences.ts";
import { startOurs } from "./ours.ts";

const pythons = new Map<Client, string>();
for (const client of CLIENTS) {
  const python = await pythonWith(client);
  if (python !== undefined) pythons.set(client, python);
}

async function transcriptOf(client: Client): Promise<Transcript> {
  const server = await startOurs();
  try {
    return await runScenarios(pythons.get(client)!, server.url);
  } finally {
    await server.stop();
  }
}

const golden = (client: Client): string[] =>
  readdirSync(join(GOLDEN, client)).map((file) => file.slice(0, -".json".length));

const isDeliberate = (found: Difference): boolean =>
  DELIBERATE.some((known) => known.scenario === found.scenario && Bun.deepEquals(known.ours[found.step], found.ours));

const found: Difference[] = [];

for (const client of CLIENTS)
  test.if(pythons.has(client))(
    `${client} sees what it sees on MLflow's own server`,
    async () => {
      const transcript = await transcriptOf(client);
      expect(transcript.stopped).toEqual({});
      expect(Object.keys(transcript.scenarios).sort()).toEqual(golden(client).sort());
      for (const [scenario, ours] of Object.entries(transcript.scenarios)) {
        const reference = (await Bun.file(join(GOLDEN, client, `${scenario}.json`)).json()) as Steps;
        found.push(...differencesOf(client, scenario, reference, ours));
      }
      expect(found.filter((difference) => !isDeliberate(difference))).toEqual([]);
    },
    600_000,
  );

test.if(pythons.size === CLIENTS.length)("every deliberate difference is still one", () => {
  const listed = DELIBERATE.flatMap(({ scenario, ours }) => Object.keys(ours).map((step) => `${scenario}: ${step}`));
  const seen = new Set(found.map(({ scenario, step }) => `${scenario}: ${step}`));
  expect(listed.filter((line) => !seen.has(line))).toEqual([]);
});

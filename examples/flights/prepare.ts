/**
 * Puts flights where pipeline.yaml expects them: data/flights/<from>.parquet, cut by date from the npm package
 * vega-datasets (3,000,000 US flights, first half of 2001). Stands in for the export that a team's warehouse makes.
 *
 *   bun prepare.ts                                    January and February
 *   bun prepare.ts --from 2001-03-01 --to 2001-03-08  one more week
 */

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";

/** The package's parquet file; undefined when the package is not installed. */
export function flightsFile(): string | undefined {
  try {
    const file = join(
      dirname(createRequire(import.meta.url).resolve("vega-datasets/package.json")),
      "data/flights-3m.parquet",
    );
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the flights of [from, to) into `folder`; resolves to the file. Atomic: a reader never sees half a file. */
export async function writeFlights(folder: string, from: string, to: string): Promise<string> {
  const source = flightsFile();
  if (!source) throw new Error("the npm package vega-datasets is not installed; run: npm install vega-datasets");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${from}.parquet`);
  const duck = await (await DuckDBInstance.create(":memory:")).connect();
  await duck.run(
    `COPY (FROM '${source}' WHERE date >= '${from}' AND date < '${to}' ORDER BY ALL) TO '${file}.tmp' (FORMAT parquet)`,
  );
  duck.closeSync();
  renameSync(`${file}.tmp`, file);
  return file;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      from: { type: "string", default: "2001-01-01" },
      to: { type: "string", default: "2001-03-01" },
      out: { type: "string", default: "data/flights" },
    },
  });
  console.log(`wrote ${await writeFlights(values.out, values.from, values.to)}`);
}

/**
 * The user's own code: trains gradient-boosted trees on build/train.parquet and writes a folder that serves itself.
 * Trimtab only asks that the folder has a model.ts with `predict(columns, rows)`. See README.md for what the model is worth.
 */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { binColumns, boost } from "./boost.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "build/train.parquet" },
    out: { type: "string", default: "build/model" },
    target: { type: "string", default: "delayed" },
    skip: { type: "string", default: "date" },
    trees: { type: "string", default: "60" },
    depth: { type: "string", default: "5" },
    rate: { type: "string", default: "0.2" },
    rows: { type: "string", default: "250000" },
  },
});

const duck = await (await DuckDBInstance.create(":memory:")).connect();
const source = `read_parquet('${values.data}')`;
const described = (await duck.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRowObjects();
const features = described
  .map((row) => String(row.column_name))
  .filter((name) => name !== values.target && name !== values.skip);

// An even sample keeps the training short; every row is equally likely, whatever its date.
const wanted = Number(values.rows);
const casts = [...features, values.target].map((name) => `CAST("${name}" AS DOUBLE)`).join(", ");
const sampled = await duck.runAndReadAll(
  `SELECT ${casts} FROM ${source} USING SAMPLE reservoir(${wanted} ROWS) REPEATABLE (7)`,
);
const columns = sampled
  .getColumns()
  .map((column) => Float64Array.from(column as (number | null)[], (v) => v ?? Number.NaN));
const truth = columns.pop()!;

const binned = binColumns(columns, 64);
const model = boost(binned, truth, {
  trees: Number(values.trees),
  depth: Number(values.depth),
  rate: Number(values.rate),
});

mkdirSync(values.out, { recursive: true });
writeFileSync(join(values.out, "trees.json"), JSON.stringify({ features, ...model }));
copyFileSync(join(import.meta.dir, "model.ts"), join(values.out, "model.ts"));
console.log(`trained ${values.trees} trees on ${truth.length} flights and ${features.length} features`);

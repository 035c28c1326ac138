/** The rows of the past that windows need: computed once for training, and saved at its end for serving. */

import { fail, TrimtabErrors } from "../../base/errors.ts";
import { literal, parquetSql } from "../sql.ts";
import { entityKey } from "./entity.ts";
import { type FittedFeatures, type HistoryTail, windowsOf } from "./fitted.ts";
import type { Op } from "./program.ts";
import type { Resolved } from "./resolve.ts";
import { programSql, type Selected, type Source, type Sql } from "./sql.ts";
import { ENTITY, reachMs, rowsKept, TIME, VALUE, type WindowFrame } from "./windows.ts";

/** A window whose tail is longer makes features.json too large to load in a serving process. */
const TAIL_ROWS_MAX = 2_000_000;

/** Computes windows once, to a file beside the raw columns, because every statistic would compute them again. */
export async function prepareWindows(sql: Sql, source: Source, resolved: Resolved, path: string): Promise<Source> {
  const windows = windowsOf(resolved.builder.ops);
  if (windows.length === 0) return source;
  const names = new Map(windows.map(([node, op]) => [op.params!.name as string, `tt_window${node}`]));
  const selected: Selected[] = [
    ...source.columns!.map(({ name }) => ({ as: name, raw: name })),
    ...windows.map(([node]) => ({ as: `tt_window${node}`, node })),
  ];
  const select = programSql(resolved.builder.ops, source, selected, { where: resolved.where });
  await sql.run(`COPY (${select}) TO ${literal(path)} (FORMAT parquet)`);
  return { scan: parquetSql(path), columns: source.columns!, windows: names };
}

/** The tails after all rows and, when they are fewer, after the training rows. Undefined without windows. */
export async function tailsOf(
  sql: Sql,
  resolved: Resolved,
  all: Source,
  training: Source | undefined,
): Promise<FittedFeatures["history"]> {
  const windows = windowsOf(resolved.builder.ops);
  if (windows.length === 0) return undefined;
  const tails = async (source: Source) => {
    const found: HistoryTail = {};
    for (const [, op] of windows) found[op.params!.name as string] = await tailOf(sql, resolved, source, op);
    return found;
  };
  const last = await tails(all);
  return { all: last, training: training ? await tails(training) : last };
}

interface TailRow {
  key: string;
  t: number;
  v: number | null;
}

async function tailOf(sql: Sql, resolved: Resolved, source: Source, op: Op): Promise<HistoryTail[string]> {
  const frame = op.params as unknown as WindowFrame & { name: string };
  const entity = op.args.slice(ENTITY);
  const selected: Selected[] = [
    { as: "t", node: op.args[TIME]! },
    { as: "v", node: op.args[VALUE]! },
    ...entity.map((node, i) => ({ as: `e${i}`, node })),
  ];
  const inner = programSql(resolved.builder.ops, source, selected, { where: resolved.where });
  const known = ["t", ...entity.map((_, i) => `e${i}`)].map((name) => `${name} IS NOT NULL`).join(" AND ");
  const rows = await sql.rows<TailRow & Record<string, string | number>>(
    `SELECT * FROM (SELECT *, row_number() OVER () AS r FROM (${inner})) WHERE ${known} ${reached(frame, entity.length)} ` +
      `ORDER BY ${entity.map((_, i) => `e${i}`).join(", ")}, t, r LIMIT ${TAIL_ROWS_MAX + 1}`,
  );
  if (rows.length > TAIL_ROWS_MAX) throw tooLong(frame.name);
  const tail: HistoryTail[string] = { keys: [], counts: [], times: [], values: [] };
  for (const row of rows) {
    const key = entityKey(entity.map((_, i) => row[`e${i}`]!));
    if (tail.keys.at(-1) !== key) {
      tail.keys.push(key);
      tail.counts.push(0);
    }
    tail.counts[tail.counts.length - 1]!++;
    tail.times.push(row.t);
    tail.values.push(row.v);
  }
  return tail;
}

/** Which of the sorted rows a next row may still look back on. */
function reached(frame: WindowFrame, parts: number): string {
  if (frame.rangeMs !== undefined) return `QUALIFY t >= max(t) OVER () - ${reachMs(frame)}`;
  const entity = Array.from({ length: parts }, (_, i) => `e${i}`).join(", ");
  return `QUALIFY row_number() OVER (PARTITION BY ${entity} ORDER BY t DESC, r DESC) <= ${rowsKept(frame)}`;
}

const tooLong = (name: string): TrimtabErrors =>
  new TrimtabErrors([
    fail("FEATURES_INVALID", {
      what: `the window ${name} looks back on more than ${TAIL_ROWS_MAX} rows at once, which serving would have to remember`,
      place: `windows.${name}`,
      mend: "shorten its range, or count by rows",
    }),
  ]);

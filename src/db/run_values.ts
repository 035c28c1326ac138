/** Queries about a run's params and tags: two tables of one shape. */

import type { Sql } from "./db.ts";
import { allIn } from "./lists.ts";

export interface Pair {
  key: string;
  value: string;
}

interface RunKey {
  seq: number;
  experiment_id: number;
}

type PairRow = Pair & { run_seq: number };

/** Adds params; one that is there keeps its value. Resolves to those whose value in the database differs. */
export async function insertParams(
  sql: Sql,
  run: RunKey,
  params: readonly Pair[],
): Promise<{ key: string; was: string; now: string }[]> {
  await sql.runMany(
    "INSERT INTO params (run_seq, key, experiment_id, value) VALUES (?, ?, ?, ?) ON CONFLICT (run_seq, key) DO NOTHING",
    params.map((p) => [run.seq, p.key, run.experiment_id, p.value]),
  );
  const stored = new Map(
    (
      await allIn<Pair>(
        sql,
        params.map((p) => p.key),
        (list) => `SELECT key, value FROM params WHERE run_seq = ? AND key IN ${list}`,
        [run.seq],
      )
    ).map((row) => [row.key, row.value]),
  );
  return params
    .filter((p) => stored.get(p.key) !== p.value)
    .map((p) => ({ key: p.key, was: stored.get(p.key)!, now: p.value }));
}

export const putRunTags = (sql: Sql, run: RunKey, tags: readonly Pair[]): Promise<void> =>
  sql.runMany(
    "INSERT INTO run_tags (run_seq, key, experiment_id, value) VALUES (?, ?, ?, ?) ON CONFLICT (run_seq, key) DO UPDATE SET value = excluded.value",
    tags.map((t) => [run.seq, t.key, run.experiment_id, t.value]),
  );

export const deleteRunTag = (sql: Sql, runSeq: number, key: string): Promise<number> =>
  sql.run("DELETE FROM run_tags WHERE run_seq = ? AND key = ?", [runSeq, key]);

export async function runTag(sql: Sql, runSeq: number, key: string): Promise<string | undefined> {
  const row = await sql.get<{ value: string }>("SELECT value FROM run_tags WHERE run_seq = ? AND key = ?", [
    runSeq,
    key,
  ]);
  return row?.value;
}

export const paramsOf = (sql: Sql, runSeqs: readonly number[]): Promise<PairRow[]> =>
  allIn(
    sql,
    runSeqs,
    (list) => `SELECT run_seq, key, value FROM params WHERE run_seq IN ${list} ORDER BY run_seq, key`,
  );

export const tagsOf = (sql: Sql, runSeqs: readonly number[]): Promise<PairRow[]> =>
  allIn(
    sql,
    runSeqs,
    (list) => `SELECT run_seq, key, value FROM run_tags WHERE run_seq IN ${list} ORDER BY run_seq, key`,
  );

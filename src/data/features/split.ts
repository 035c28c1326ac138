/**
 * Which rows are set aside. By a column: the newest share, and rows of one value never part. Without: by an md5 of the whole
 * row, so that the same row falls on the same side in every run, and copies of a row fall together.
 */

import { fail } from "../../base/errors.ts";
import { mendName } from "../../spec/nearest.ts";
import { type DuckColumn, ident, literal } from "../sql.ts";
import type { Sql } from "./sql.ts";

export interface SplitSpec {
  /** Share of rows, above 0 and below 1. */
  holdout: number;
  by?: string;
}

export interface Split {
  /** What stands after FROM. */
  train: string;
  holdout: string;
  /** The smallest value of `by` in the holdout, as DuckDB writes it. */
  from?: string;
}

/** Throws DATA_COLUMN for an unknown column, INVALID when the column has no two values to part. */
export async function splitRows(
  sql: Sql,
  scan: string,
  columns: readonly DuckColumn[],
  split: SplitSpec,
): Promise<Split> {
  if (!(split.holdout > 0 && split.holdout < 1))
    throw fail("INVALID", {
      what: `holdout: ${split.holdout} is no share`,
      mend: "write a share between 0 and 1, such as 0.2",
    });
  const { test, from } =
    split.by === undefined ? hashTest(columns, split.holdout) : await newestTest(sql, scan, columns, split);
  return {
    train: `(SELECT * FROM ${scan} WHERE NOT (${test}))`,
    holdout: `(SELECT * FROM ${scan} WHERE ${test})`,
    ...(from !== undefined && { from }),
  };
}

interface Test {
  test: string;
  from?: string;
}

/** Missing values are not new: they go to the training rows. NaN and infinities are missing, though the engine takes them for largest. */
async function newestTest(sql: Sql, scan: string, columns: readonly DuckColumn[], split: SplitSpec): Promise<Test> {
  const by = columns.find((c) => c.name === split.by);
  if (!by)
    throw fail("DATA_COLUMN", {
      what: `split.by names "${split.by}", which the data does not have`,
      mend: mendName(
        split.by!,
        columns.map((c) => c.name),
        "columns",
      ),
    });
  const column = ident(by.name);
  const isEndless = /^(FLOAT|DOUBLE|DATE|TIMESTAMP.*)$/.test(by.type);
  const value = isEndless ? `CASE WHEN isfinite(${column}) THEN ${column} END` : column;
  const counted = `SELECT v, count(*) AS n FROM (SELECT ${value} AS v FROM ${scan}) WHERE v IS NOT NULL GROUP BY v`;
  const summed = `SELECT v, sum(n) OVER (ORDER BY v DESC) AS newer, sum(n) OVER () AS total FROM (${counted})`;
  const [cut] = await sql.rows<{ v: string }>(
    `SELECT CAST(v AS VARCHAR) AS v FROM (${summed}) WHERE newer < total ` +
      `ORDER BY abs(newer - total * CAST(${split.holdout} AS DOUBLE)), newer LIMIT 1`,
  );
  if (!cut)
    throw fail("INVALID", {
      what: `"${by.name}" has fewer than two values, so no newest rows can be set aside`,
      mend: "split by another column, or leave by: out",
    });
  const newest = `${value} >= CAST(${literal(cut.v)} AS ${by.type})`;
  return { test: `coalesce(${newest}, FALSE)`, from: cut.v };
}

/** The first 32 bits of the md5 are below the share's part of their range. */
function hashTest(columns: readonly DuckColumn[], share: number): Test {
  const cells = columns.map(({ name }) => `coalesce(CAST(${ident(name)} AS VARCHAR), chr(0))`);
  const limit = Math.floor(share * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  return { test: `substr(md5(concat_ws(chr(31), ${cells.join(", ")})), 1, 8) < '${limit}'` };
}

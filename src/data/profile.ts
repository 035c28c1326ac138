/**
 * Profiles a table: counts, moments, quantiles, frozen bins and frequent values of every column. The same rows in the same order give the
 * same profile. Cost, whatever the columns: one scan for the moments, one for a sample of the numbers, one that counts them in
 * their bins; and for each column of text, or of few numbers, one group-by of that column alone.
 *
 * Exact: counts, extremes, mean, deviation, the counts in bins. Quantiles (and so where bins begin) come from a sample of about
 * 100,000 rows when there are more: a rank is off by about 0.2%. `distinct` is exact up to EXACT_DISTINCT_MAX.
 */

import { fail } from "../base/errors.ts";
import type { CategoricalProfile, ColumnProfile, NumericProfile, Profile } from "../base/profile.ts";
import type { Duck } from "./duckdb.ts";
import {
  decilesOf,
  edgesOfSample,
  edgesOfValues,
  FINE_BINS,
  nextDown,
  quantilesOf,
  quantilesOfCounts,
} from "./profile-edges.ts";
import { columnTypeOf, type DuckColumn, epochMsSql, ident, literal } from "./sql.ts";

const SAMPLE_ROWS = 100_000;
/** Frequent values kept of a column of text. */
const CATEGORIES_MAX = 500;
/** Beyond this a column is taken for an identifier: its values are not counted one by one, nor is their number exact. */
const EXACT_DISTINCT_MAX = 200_000;

export interface ProfileOptions {
  /** Only these columns. DATA_COLUMN names one that is not there. */
  columns?: readonly string[];
}

/** Profiles the rows of `scan` (a SELECT), which is read several times. */
export async function profileSource(duck: Duck, scan: string, options: ProfileOptions = {}): Promise<Profile> {
  const columns = chosenColumns(await duck.columns(scan), options.columns).map(profiled);
  const table = { duck, scan: `(${scan})` };
  const { rows, moments } = await readMoments(table, columns);
  const numeric = columns.filter((column) => column.numeric);
  const few = numeric.filter((column) => moments.get(column.name)!.approxDistinct <= FINE_BINS * 1.1);
  const many = numeric.filter((column) => !few.includes(column));
  const profiles = new Map<string, ColumnProfile>(await binnedProfiles(table, many, rows, moments));
  for (const column of few)
    profiles.set(column.name, await discreteProfile(table, column, rows, moments.get(column.name)!));
  for (const column of columns.filter((c) => !c.numeric))
    profiles.set(column.name, await categoricalProfile(table, column, rows, moments.get(column.name)!));
  return { rows, columns: Object.fromEntries(columns.map(({ name }) => [name, profiles.get(name)!])) };
}

interface Source {
  duck: Duck;
  /** For FROM. */
  scan: string;
}

interface ProfiledColumn {
  name: string;
  type: ColumnProfile["type"];
  numeric: boolean;
  /** SQL: a DOUBLE (finite, or null) or text. */
  value: string;
}

interface Moments {
  present: number;
  approxDistinct: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
}

function chosenColumns(all: readonly DuckColumn[], names: readonly string[] | undefined): readonly DuckColumn[] {
  return (
    names?.map((name) => {
      const column = all.find((c) => c.name === name);
      if (column) return column;
      throw fail("DATA_COLUMN", {
        what: `there is no column ${name}; the columns are ${all.map((c) => c.name).join(", ")}`,
      });
    }) ?? all
  );
}

function profiled({ name, type }: DuckColumn): ProfiledColumn {
  const column = ident(name);
  const kind = columnTypeOf(type);
  switch (kind) {
    case "number":
      return { name, type: kind, numeric: true, value: finite(`${column}::DOUBLE`) };
    case "timestamp":
      return {
        name,
        type: kind,
        numeric: true,
        value: epochMsSql(column),
      };
    case "boolean":
    case "string":
      return { name, type: kind, numeric: false, value: `${column}::VARCHAR` };
  }
}

/** Plus zero, since JSON has no -0: what is written must read back equal. */
const finite = (expression: string): string => `CASE WHEN isfinite(${expression}) THEN ${expression} + 0 END`;

/** Threads add in another order every time; twelve digits are the same whatever the order. A sum beyond doubles has no mean. */
const steady = (value: number | null): number | null =>
  value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(12));

async function readMoments(
  table: Source,
  columns: readonly ProfiledColumn[],
): Promise<{ rows: number; moments: Map<string, Moments> }> {
  const values = columns.map(({ value }, i) => `${value} AS v${i}`).join(", ");
  const selects = (withStd: boolean) =>
    columns.flatMap(({ numeric }, i) => [
      `count(v${i}) AS present${i}`,
      `approx_count_distinct(v${i}) AS distinct${i}`,
      ...(numeric ? [`min(v${i}) AS min${i}`, `max(v${i}) AS max${i}`, `avg(v${i}) AS mean${i}`] : []),
      ...(numeric && withStd ? [`stddev_samp(v${i}) AS std${i}`] : []),
    ]);
  const read = (withStd: boolean) =>
    table.duck.rows<Record<string, number | null>>(
      `SELECT ${["count(*) AS rows", ...selects(withStd)].join(", ")} FROM (SELECT ${values || "1"} FROM ${table.scan})`,
    );
  const isOverflow = (error: unknown) => /STDDEV_SAMP is out of range/.test((error as Error).message);
  // Numbers near the end of the range have no deviation in doubles, and DuckDB refuses the whole query.
  const [row] = await read(true).catch((error) => (isOverflow(error) ? read(false) : Promise.reject(error)));
  const moments = columns.map(({ name }, i): [string, Moments] => [
    name,
    {
      present: row![`present${i}`]!,
      approxDistinct: row![`distinct${i}`]!,
      min: row![`min${i}`] ?? null,
      max: row![`max${i}`] ?? null,
      mean: steady(row![`mean${i}`] ?? null),
      std: steady(row![`std${i}`] ?? null),
    },
  ]);
  return { rows: row!.rows!, moments: new Map(moments) };
}

const numericProfile = (
  column: ProfiledColumn,
  rows: number,
  moments: Moments,
  bins: Pick<NumericProfile, "distinct" | "quantiles" | "edges" | "counts">,
): NumericProfile => ({
  kind: "numeric",
  type: column.type as NumericProfile["type"],
  nulls: rows - moments.present,
  distinct: bins.distinct,
  mean: moments.mean,
  std: moments.std,
  min: moments.min,
  max: moments.max,
  quantiles: bins.quantiles,
  edges: bins.edges,
  counts: bins.counts,
  deciles: decilesOf(bins.edges, bins.counts),
});

/** Few different numbers: each is its own bin. */
async function discreteProfile(
  table: Source,
  column: ProfiledColumn,
  rows: number,
  moments: Moments,
): Promise<NumericProfile> {
  const found = await table.duck.rows<{ v: number; n: number }>(
    `SELECT ${column.value} AS v, count(*) AS n FROM ${table.scan} GROUP BY 1 HAVING v IS NOT NULL ORDER BY 1`,
  );
  const values = found.map(({ v }) => v);
  const counts = found.map(({ n }) => n);
  return numericProfile(column, rows, moments, {
    distinct: values.length,
    quantiles: quantilesOfCounts(values, counts),
    edges: edgesOfValues(values),
    counts: values.at(-1) === Number.MAX_VALUE || values.length === 0 ? [0, ...counts] : [0, ...counts, 0],
  });
}

/** Many different numbers: edges from a sample, then all rows counted between them. */
async function binnedProfiles(
  table: Source,
  columns: readonly ProfiledColumn[],
  rows: number,
  moments: ReadonlyMap<string, Moments>,
): Promise<[string, NumericProfile][]> {
  if (columns.length === 0) return [];
  const sample = await sampleOf(table, columns, rows);
  const edges = columns.map(({ name }, i) =>
    edgesOfSample(sample[i]!, moments.get(name)!.min!, moments.get(name)!.max!),
  );
  const selects = columns.map(({ value }, i) => `map_values(histogram(${value}, ${boundaries(edges[i]!)})) AS h${i}`);
  const [row] = await table.duck.rows<Record<string, number[]>>(`SELECT ${selects.join(", ")} FROM ${table.scan}`);
  return columns.map((column, i) => [
    column.name,
    numericProfile(column, rows, moments.get(column.name)!, {
      distinct: Math.min(moments.get(column.name)!.approxDistinct, moments.get(column.name)!.present),
      quantiles: quantilesOf(sample[i]!),
      edges: edges[i]!,
      counts: row![`h${i}`]!,
    }),
  ]);
}

/** DuckDB's bins are (a, b]; ours are [a, b), so each boundary is the double below our edge. */
const boundaries = (edges: readonly number[]): string =>
  `[${[...edges.map((edge) => doubleLiteral(nextDown(edge))), "'inf'::DOUBLE"].join(", ")}]`;

const doubleLiteral = (value: number): string => `${literal(value)}::DOUBLE`;

/** Sorted numbers of a sample of the rows. Which rows is decided by a hash of their place: the same each time, whatever the threads. */
async function sampleOf(table: Source, columns: readonly ProfiledColumn[], rows: number): Promise<Float64Array[]> {
  const one = Math.max(1, Math.round(rows / SAMPLE_ROWS));
  const values = columns.map(({ value }, i) => `${value} AS v${i}`).join(", ");
  const from =
    one === 1
      ? table.scan
      : `(SELECT *, row_number() OVER () AS "row in table" FROM ${table.scan}) WHERE hash("row in table") % ${one} = 0`;
  const batch = await table.duck.batch(`SELECT ${values} FROM ${from}`);
  return columns.map((_, i) => {
    const sorted = (batch.columns[`v${i}`] as Float64Array).sort();
    const missing = sorted.findIndex((value) => Number.isNaN(value));
    return missing < 0 ? sorted : sorted.subarray(0, missing);
  });
}

async function categoricalProfile(
  table: Source,
  column: ProfiledColumn,
  rows: number,
  { present, approxDistinct }: Moments,
): Promise<CategoricalProfile> {
  const isId = approxDistinct > EXACT_DISTINCT_MAX;
  // Counting every value of an identifier costs memory without end; each of its values is rare anyway.
  const found = isId ? [] : await frequentValues(table, column);
  const counts = found.map(({ n }) => n);
  return {
    kind: "categorical",
    type: column.type as CategoricalProfile["type"],
    nulls: rows - present,
    distinct: isId ? Math.min(approxDistinct, present) : (found[0]?.d ?? 0),
    categories: found.map(({ v }) => v),
    counts,
    other: present - counts.reduce((sum, n) => sum + n, 0),
  };
}

const frequentValues = (table: Source, column: ProfiledColumn): Promise<{ v: string; n: number; d: number }[]> =>
  table.duck.rows(
    `WITH counted AS (SELECT ${column.value} AS v, count(*) AS n FROM ${table.scan} GROUP BY 1 HAVING v IS NOT NULL)
     SELECT v, n, (SELECT count(*) FROM counted) AS d FROM counted ORDER BY n DESC, v LIMIT ${CATEGORIES_MAX}`,
  );

/** Reads what stands under `windows:`. One aggregate a window: `{ entity: origin, range: 7d, mean: delay }`. */

import { parseDurationMs } from "../../base/units.ts";
import type { Mapping, Path } from "../../spec/path.ts";
import { type SpecReader, show } from "./read-spec.ts";
import type { Named, WindowSpec } from "./spec.ts";
import { AGGREGATES, type Aggregate, type WindowFrame } from "./windows.ts";

/** Keys besides the aggregates, for the reference page. */
export const WINDOW_KEYS = {
  entity: "The column or columns whose equal values belong together: windows never mix entities.",
  order: "The time column; the file's `time:` by default.",
  rows: "The window is this many earlier rows of the entity.",
  range: "The window is this long: `7d`, `12h`. Either rows or range.",
  lag: "How late a value is known. With rows: how many of the nearest rows to leave out. With range: a duration.",
  min_periods: "Fewer values than this give a missing value. 1 by default; 0 for count.",
  closed: "`left` (default): this row is not in its own window. `right`, with rows only: it is the newest of them.",
} as const;

const KEYS = [...Object.keys(WINDOW_KEYS), ...AGGREGATES];
const ROWS_MAX = 10_000;

export function readWindows(reader: SpecReader, value: unknown, time: Named | undefined): Map<string, WindowSpec> {
  const windows = new Map<string, WindowSpec>();
  for (const [name, body] of Object.entries(reader.mapping(value, ["windows"]) ?? {})) {
    const window = readWindow(reader, name, body, time);
    if (window) windows.set(name, window);
  }
  return windows;
}

function readWindow(reader: SpecReader, name: string, body: unknown, time: Named | undefined): WindowSpec | undefined {
  const path: Path = ["windows", name];
  const mapping = reader.mapping(body, path, KEYS);
  if (!mapping) return undefined;
  if (mapping.entity === undefined) return reader.complain(path, "a window without entity", "add entity: column");
  const order = mapping.order === undefined ? time : reader.name(mapping.order, [...path, "order"]);
  if (!order) return reader.complain(path, "a window without a time", "add order: column here, or time: at the top");
  const used = AGGREGATES.filter((a) => mapping[a] !== undefined);
  const [aggregate] = used;
  if (!aggregate || used.length > 1)
    return reader.complain(
      path,
      `${used.length} aggregates in a window`,
      `write one of ${AGGREGATES.join(", ")}: expression`,
    );
  const of = reader.expression(mapping[aggregate], [...path, aggregate]);
  const frame = readFrame(reader, mapping, path, aggregate);
  if (!of || !frame) return undefined;
  return {
    name,
    place: reader.place(path),
    entity: reader.names(mapping.entity, [...path, "entity"]),
    order,
    of,
    frame,
  };
}

function readFrame(reader: SpecReader, mapping: Mapping, path: Path, aggregate: Aggregate): WindowFrame | undefined {
  const minPeriods = readWhole(reader, mapping, path, "min_periods", 0, ROWS_MAX) ?? (aggregate === "count" ? 0 : 1);
  if ((mapping.rows === undefined) === (mapping.range === undefined))
    return reader.complain(path, "a window has either rows or range", "write rows: 7, or range: 7d");
  const current = readClosed(reader, mapping, path);
  if (mapping.rows !== undefined) {
    const rows = readWhole(reader, mapping, path, "rows", 1, ROWS_MAX);
    const lagRows = readWhole(reader, mapping, path, "lag", 0, ROWS_MAX) ?? 0;
    return rows === undefined ? undefined : { aggregate, rows, lagRows, ...(current && { current }), minPeriods };
  }
  const rangeMs = readDuration(reader, mapping, path, "range");
  const lagMs = mapping.lag === undefined ? 0 : readDuration(reader, mapping, path, "lag");
  return rangeMs === undefined || lagMs === undefined ? undefined : { aggregate, rangeMs, lagMs, minPeriods };
}

function readClosed(reader: SpecReader, mapping: Mapping, path: Path): boolean {
  const closed = mapping.closed ?? "left";
  const at = [...path, "closed"];
  if (closed !== "left" && closed !== "right")
    reader.complain(at, `${show(closed)} is not allowed`, "write left or right");
  if (closed === "right" && mapping.range !== undefined)
    reader.complain(at, "a window by range is always closed on the left", "remove it, or use rows");
  return closed === "right";
}

function readWhole(
  reader: SpecReader,
  mapping: Mapping,
  path: Path,
  key: string,
  least: number,
  most: number,
): number | undefined {
  const value = mapping[key];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  return reader.complain(
    [...path, key],
    `${show(value)} is not allowed`,
    `write a whole number from ${least} to ${most}`,
  );
}

function readDuration(reader: SpecReader, mapping: Mapping, path: Path, key: string): number | undefined {
  const value = mapping[key];
  const durationMs = typeof value === "string" ? parseDurationMs(value) : undefined;
  if (durationMs !== undefined && Number.isInteger(durationMs) && durationMs >= 0) return durationMs;
  return reader.complain([...path, key], `${show(value)} is not a duration`, "write it as 7d, 12h or 30m");
}

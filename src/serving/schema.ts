/**
 * A request body becomes a Batch, or an error that names the field. Three forms, exactly one a body:
 *
 *   { "features": [1, "ATL"] }             one row in the order of the model's inputs, or a list of such rows
 *   { "inputs": [{ "distance": 1, … }] }   rows by name (one row may stand without the list)
 *   { "columns": { "distance": [1, …] } }  columns: the fast form for many rows
 *
 * Numbers must be finite numbers, booleans true/false (or 1/0), timestamps ISO 8601 or milliseconds, of the years 0 to 9999.
 * Null and an absent field are accepted where the input is not required. Unknown fields are refused, with the nearest known name, because a
 * renamed column is their commonest cause; a deployment may name `extra` columns that are captured and not shown to the model.
 */

import { isDate } from "../base/clock.ts";
import type { Batch, Column, ColumnSpec, ColumnType } from "../base/columns.ts";
import { fail, type TrimtabError } from "../base/errors.ts";
import { nearest } from "../spec/nearest.ts";
import { parseTimestamp } from "./timestamp.ts";

export interface Request {
  batch: Batch;
  /** Captured columns that the model does not take, as they were sent. */
  extra: Record<string, unknown[]>;
  /** True when one row was sent outside a list: the answer's id is then the row's. */
  single: boolean;
}

const FORMS = ["features", "inputs", "columns"] as const;

/** Throws REQUEST_INVALID. `place` in it is the field: `inputs[3].distance`, `columns.distance[17]`, `features[0]`. */
export function parseRequest(body: unknown, inputs: readonly ColumnSpec[], extra: readonly string[] = []): Request {
  if (!isObject(body)) throw refuse("body", "the body is not a JSON object", EXAMPLE);
  const forms = FORMS.filter((form) => body[form] !== undefined);
  if (forms.length !== 1)
    throw refuse("body", `the body has ${forms.length || "none"} of features, inputs, columns`, EXAMPLE);
  const form = forms[0]!;
  if (form === "columns") return fromColumns(body.columns, inputs, extra);
  return form === "inputs" ? fromRecords(body.inputs, inputs, extra) : fromLists(body.features, inputs, extra);
}

const EXAMPLE = 'send one of {"features": […]}, {"inputs": [{column: value}]}, {"columns": {column: […]}}';

const refuse = (place: string, what: string, mend?: string): TrimtabError =>
  fail("REQUEST_INVALID", { what, place, ...(mend !== undefined && { mend }) });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fromColumns(columns: unknown, inputs: readonly ColumnSpec[], extra: readonly string[]): Request {
  if (!isObject(columns)) throw refuse("columns", "columns is not an object of lists");
  checkNames("columns", columns, inputs, extra);
  const rows = rowsOf(columns);
  const cells = (name: string): readonly unknown[] | undefined => columns[name] as unknown[] | undefined;
  const place = (name: string, row: number) => `columns.${name}[${row}]`;
  return {
    batch: { rows, columns: build(inputs, (spec) => cellsToColumn(spec, cells(spec.name), rows, place)) },
    extra: pickExtra(extra, (name) => columns[name] as unknown[] | undefined),
    single: false,
  };
}

function rowsOf(columns: Record<string, unknown>): number {
  let rows = -1;
  let first = "";
  for (const [name, cells] of Object.entries(columns)) {
    if (!Array.isArray(cells)) throw refuse(`columns.${name}`, "the column is not a list");
    if (rows >= 0 && cells.length !== rows)
      throw refuse(`columns.${name}`, `the column has ${cells.length} values and ${first} has ${rows}`);
    if (rows < 0) [rows, first] = [cells.length, name];
  }
  if (rows <= 0) throw refuse("columns", "there are no rows");
  return rows;
}

function fromRecords(value: unknown, inputs: readonly ColumnSpec[], extra: readonly string[]): Request {
  const single = isObject(value);
  const records = single ? [value] : value;
  if (!Array.isArray(records)) throw refuse("inputs", "inputs is not a list of objects");
  if (records.length === 0) throw refuse("inputs", "there are no rows");
  const prefix = (row: number) => (single ? "inputs" : `inputs[${row}]`);
  records.forEach((record, row) => {
    if (!isObject(record)) throw refuse(prefix(row), "the row is not an object");
    checkNames(prefix(row), record, inputs, extra);
  });
  const place = (name: string, row: number) => `${prefix(row)}.${name}`;
  const column = (spec: ColumnSpec): Column =>
    cellsToColumn(
      spec,
      records.map((record) => record[spec.name]),
      records.length,
      place,
    );
  return {
    batch: { rows: records.length, columns: build(inputs, column) },
    extra: pickExtra(extra, (name) => records.map((record) => record[name] ?? null)),
    single,
  };
}

function fromLists(value: unknown, inputs: readonly ColumnSpec[], extra: readonly string[]): Request {
  if (!Array.isArray(value)) {
    if (isObject(value)) return fromRecords(value, inputs, extra);
    throw refuse("features", "features is not a list");
  }
  if (value.length === 0) throw refuse("features", "there are no rows");
  const single = !Array.isArray(value[0]);
  const lists: unknown[] = single ? [value] : value;
  const prefix = (row: number) => (single ? "features" : `features[${row}]`);
  lists.forEach((list, row) => {
    if (!Array.isArray(list)) throw refuse(prefix(row), "the row is not a list");
    if (list.length !== inputs.length)
      throw refuse(
        prefix(row),
        `the row has ${list.length} values, the model takes ${inputs.length}`,
        `send ${order(inputs)}`,
      );
  });
  const indexOf = (name: string) => inputs.findIndex((spec) => spec.name === name);
  const place = (name: string, row: number) => `${prefix(row)}[${indexOf(name)}] (${name})`;
  const column = (spec: ColumnSpec, index: number): Column => {
    const cells = single ? [value[index]] : lists.map((list) => (list as unknown[])[index]);
    return cellsToColumn(spec, cells, lists.length, place);
  };
  return { batch: { rows: lists.length, columns: build(inputs, column) }, extra: {}, single };
}

const order = (inputs: readonly ColumnSpec[]): string => inputs.map((spec) => spec.name).join(", ");

function build(
  inputs: readonly ColumnSpec[],
  column: (spec: ColumnSpec, index: number) => Column,
): Record<string, Column> {
  const columns: Record<string, Column> = {};
  for (let i = 0; i < inputs.length; i++) columns[inputs[i]!.name] = column(inputs[i]!, i);
  return columns;
}

function checkNames(
  place: string,
  record: Record<string, unknown>,
  inputs: readonly ColumnSpec[],
  extra: readonly string[],
): void {
  const unknown = Object.keys(record).filter(
    (name) => !extra.includes(name) && !inputs.some((spec) => spec.name === name),
  );
  if (unknown.length === 0) return;
  const absent = inputs.map((spec) => spec.name).filter((name) => !Object.hasOwn(record, name));
  // Of several, the one that looks like an input that is absent: it was most likely renamed.
  const name = unknown.find((candidate) => nearest(candidate, absent) !== undefined) ?? unknown[0]!;
  const near = nearest(name, absent);
  throw refuse(
    `${place}.${name}`,
    `the model takes no field ${name}`,
    near === undefined ? `remove it; the model takes ${order(inputs)}` : `rename it to ${near}`,
  );
}

function pickExtra(
  extra: readonly string[],
  cells: (name: string) => unknown[] | undefined,
): Record<string, unknown[]> {
  const picked: Record<string, unknown[]> = {};
  for (const name of extra) {
    const values = cells(name);
    if (values) picked[name] = values;
  }
  return picked;
}

type Place = (name: string, row: number) => string;

/** An absent column is all null. */
function cellsToColumn(spec: ColumnSpec, cells: readonly unknown[] | undefined, rows: number, place: Place): Column {
  if (cells === undefined) {
    if (spec.required) throw missing(spec, place(spec.name, 0).replace(/\[0\]$/, ""));
    return spec.type === "string" ? new Array(rows).fill(null) : new Float64Array(rows).fill(Number.NaN);
  }
  return spec.type === "string" ? toStrings(spec, cells, place) : toNumbers(spec, cells, place);
}

function toStrings(spec: ColumnSpec, cells: readonly unknown[], place: Place): (string | null)[] {
  const column: (string | null)[] = new Array(cells.length);
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row];
    if (typeof cell === "string") column[row] = cell;
    else if (cell === null || cell === undefined) column[row] = nullCell(spec, cell, place, row);
    else throw wrongType(spec, cell, place(spec.name, row));
  }
  return column;
}

function toNumbers(spec: ColumnSpec, cells: readonly unknown[], place: Place): Float64Array {
  const column = new Float64Array(cells.length);
  const isNumber = spec.type === "number";
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row];
    if (isNumber && typeof cell === "number" && Number.isFinite(cell)) column[row] = cell;
    else column[row] = cellToNumber(spec, cell, place, row);
  }
  return column;
}

function cellToNumber(spec: ColumnSpec, cell: unknown, place: Place, row: number): number {
  if (cell === null || cell === undefined) {
    nullCell(spec, cell, place, row);
    return Number.NaN;
  }
  const value = CONVERT[spec.type](cell);
  if (value === undefined || !Number.isFinite(value)) throw wrongType(spec, cell, place(spec.name, row));
  return value;
}

/** undefined: not of the type. */
const CONVERT: Record<ColumnType, (cell: unknown) => number | undefined> = {
  number: (cell) => (typeof cell === "number" ? cell : undefined),
  boolean: (cell) => (typeof cell === "boolean" ? Number(cell) : cell === 0 || cell === 1 ? cell : undefined),
  timestamp: (cell) => {
    const timeMs = typeof cell === "string" ? parseTimestamp(cell) : cell;
    return typeof timeMs === "number" && isDate(timeMs) ? timeMs : undefined;
  },
  string: () => undefined,
};

const EXPECTED: Record<ColumnType, string> = {
  number: "a finite number",
  string: "text",
  boolean: "true or false",
  timestamp: "a time: ISO 8601 text or milliseconds since 1970, of the years 0 to 9999",
};

function nullCell(spec: ColumnSpec, cell: null | undefined, place: Place, row: number): null {
  if (!spec.required) return null;
  const where = place(spec.name, row);
  throw cell === undefined
    ? missing(spec, where)
    : refuse(where, `${spec.name} is null`, `send ${EXPECTED[spec.type]}`);
}

const missing = (spec: ColumnSpec, place: string): TrimtabError =>
  refuse(place, `the field ${spec.name} is missing`, `send ${spec.name}: ${EXPECTED[spec.type]}`);

function wrongType(spec: ColumnSpec, cell: unknown, place: string): TrimtabError {
  const shown = typeof cell === "number" ? String(cell) : (JSON.stringify(cell) ?? String(cell)).slice(0, 60);
  return refuse(place, `${shown} is not ${EXPECTED[spec.type]}`, `send ${spec.name} as ${EXPECTED[spec.type]}`);
}

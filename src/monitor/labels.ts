/** Class labels as they come in JSON, as indexes. */

import { isDate } from "../base/clock.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";

/** What a captured answer or outcome is worth: the class index, or the number itself for regression; NaN when it is neither. */
export type ReadValue = (value: unknown) => number;

/** 1, 1.0 and true are one label, as serving takes them; "1" is another. */
const labelKey = (value: unknown): unknown => (typeof value === "boolean" ? Number(value) : value);

export const classesOf = ({ classes }: TrimtabFlavor): readonly (string | number | boolean)[] => classes ?? [0, 1];

export function valueReader(flavor: TrimtabFlavor): ReadValue {
  if (flavor.task === "regression")
    return (value) => (typeof value === "number" && Number.isFinite(value) ? value : Number.NaN);
  const indexes = new Map(classesOf(flavor).map((label, index) => [labelKey(label), index]));
  return (value) => indexes.get(labelKey(value)) ?? Number.NaN;
}

/** Probabilities kept of a row: none for regression, P(class 1) for two classes, else one a class. */
export function probabilitiesOf(flavor: TrimtabFlavor): number {
  const classes = classesOf(flavor).length;
  return flavor.task === "regression" ? 0 : classes === 2 ? 1 : classes;
}

/** A cell of the time column: ms, or ISO 8601 (UTC when it names no zone); undefined when it is neither, or no date of four digits. */
export function timeOfCell(cell: unknown): number | undefined {
  if (typeof cell === "number") return isDate(cell) ? cell : undefined;
  if (typeof cell !== "string") return undefined;
  const zoned = /[zZ]$|[+-]\d{2}:?\d{2}$/.test(cell) || !cell.includes(":") ? cell : `${cell}Z`;
  const timeMs = Date.parse(zoned);
  return isDate(timeMs) ? timeMs : undefined;
}

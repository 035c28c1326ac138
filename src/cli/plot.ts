/**
 * Curves as text: several in one frame, each with a mark of its own, so that it reads without colour and in a log file. In each
 * column stands the mean of a curve's points there; between points there is a straight line. NaN leaves a gap; an infinite value
 * stands on the edge that it points to. Pure.
 */

export interface Curve {
  name: string;
  /** In the order of x, which is a safe integer or a time; y may be anything. */
  points: readonly { x: number; y: number }[];
}

export interface PlotOptions {
  /** Characters a line, the labels of the axis among them. */
  width: number;
  /** Lines of the frame, without axis and legend. */
  height?: number;
  /** What x counts: "step", "seconds". */
  unit: string;
  /** Colours the text of the curve with that index. */
  paint?: (text: string, curve: number) => string;
}

const MARKS = "*o+x#@%&=~";
const HEIGHT = 12;
const WIDTH_MIN = 20;

/** The mark of the curve with that index; after ten they begin again. */
const markOf = (curve: number): string => MARKS[curve % MARKS.length]!;

interface Scale {
  low: number;
  high: number;
}

/** The largest number stands for infinity: databases cannot keep it, so MLflow's clients and servers send that instead. */
const isInfinite = (value: number): boolean => Math.abs(value) >= Number.MAX_VALUE;
const isDrawn = (value: number): boolean => !Number.isNaN(value) && !isInfinite(value);

const FINITE: Scale = { low: -Number.MAX_VALUE, high: Number.MAX_VALUE };

/** Bounds of the finite values; a single value gets some room. Undefined when there are none. */
function scaleOf(values: Iterable<number>): Scale | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!isDrawn(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return undefined;
  const room = low === high ? Math.abs(low) / 2 || 1 : 0;
  return { low: clamp(low - room, FINITE), high: clamp(high + room, FINITE) };
}

/** The place of a value among `count` places; halves first, because high - low can be beyond the largest number. */
function placeOf(value: number, { low, high }: Scale, count: number): number {
  const range = high / 2 - low / 2;
  // The smallest numbers have no half.
  return range > 0 ? Math.round(((value / 2 - low / 2) / range) * (count - 1)) : 0;
}

const CHARS_MAX = 10;

/** A finite figure in four digits; the largest numbers would be rounded to infinity. */
function short(value: number): string {
  const digits = value.toPrecision(4);
  const rounded = Number(digits);
  if (!Number.isFinite(rounded)) return digits;
  const text = String(rounded);
  return text.length > CHARS_MAX ? rounded.toExponential() : text;
}

const show = (value: number): string =>
  isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : Number.isNaN(value) ? "NaN" : short(value);

/** One row for each column, undefined where the curve is not. */
function rowsOf(curve: Curve, x: Scale, y: Scale, columns: number, rows: number): (number | undefined)[] {
  const sums = new Map<number, { sum: number; count: number }>();
  const filled = new Array<number | undefined>(columns).fill(undefined);
  let before: { column: number; y: number } | undefined;
  for (const point of curve.points) {
    const column = placeOf(point.x, x, columns);
    if (Number.isNaN(point.y)) before = undefined;
    if (!isDrawn(point.y)) {
      if (isInfinite(point.y)) filled[column] ??= point.y > 0 ? rows - 1 : 0;
      continue;
    }
    for (let between = (before?.column ?? column) + 1; between < column; between++) {
      const part = (between - before!.column) / (column - before!.column);
      filled[between] = placeOf(before!.y * (1 - part) + point.y * part, y, rows);
    }
    const known = sums.get(column) ?? { sum: 0, count: 0 };
    sums.set(column, { sum: known.sum + point.y, count: known.count + 1 });
    before = { column, y: point.y };
  }
  for (const [column, { sum, count }] of sums) filled[column] = placeOf(clamp(sum / count, y), y, rows);
  return filled;
}

/** The sum of many large values may be infinite where their mean is not. */
const clamp = (value: number, { low, high }: Scale): number => Math.min(high, Math.max(low, value));

function legendOf({ name, points }: Curve, mark: string, unit: string): string {
  const last = points.at(-1);
  const count = (what: string, found: Curve["points"]) =>
    found.length === 0 ? [] : [`${found.length} ${what}, the first at ${short(found[0]!.x)}`];
  const notes = [
    last === undefined ? "no points" : `last ${show(last.y)} at ${unit} ${short(last.x)}`,
    ...count(
      "NaN",
      points.filter((point) => Number.isNaN(point.y)),
    ),
    ...count(
      "infinite",
      points.filter((point) => isInfinite(point.y)),
    ),
  ];
  return `${mark} ${name}  ${notes.join("; ")}`;
}

/** Frame, both axes and a line for each curve. Only the legend when no value is finite. */
export function plot(curves: readonly Curve[], options: PlotOptions): string {
  const { unit, paint = (text: string) => text } = options;
  const legend = curves.map((curve, i) => paint(legendOf(curve, markOf(i), unit), i));
  const y = scaleOf(curves.flatMap((curve) => curve.points.map((point) => point.y)));
  const x = scaleOf(curves.flatMap((curve) => curve.points.map((point) => point.x)));
  if (!x || !y) return legend.join("\n");
  const rows = options.height ?? HEIGHT;
  const labels = [y.high, y.high / 2 + y.low / 2, y.low].map(short);
  const left = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(WIDTH_MIN, options.width - left - 2);
  const grid = Array.from({ length: rows }, () => new Array<string>(columns).fill(" "));
  for (const [i, curve] of curves.entries())
    for (const [column, row] of rowsOf(curve, x, y, columns, rows).entries())
      if (row !== undefined) grid[row]![column] = paint(markOf(i), i);
  const labelAt = new Map([
    [rows - 1, labels[0]!],
    [Math.round((rows - 1) / 2), labels[1]!],
    [0, labels[2]!],
  ]);
  const lines = grid.map((line, row) => {
    const label = labelAt.get(row);
    return `${(label ?? "").padStart(left)} ${label === undefined ? "│" : "┤"}${line.join("")}`.trimEnd();
  });
  return [
    ...lines.reverse(),
    `${" ".repeat(left)} └${"─".repeat(columns)}`,
    axisOf(x, left + 2, columns, unit),
    ...legend,
  ].join("\n");
}

/** Least, middle and greatest x below the frame, and what they count. */
function axisOf(x: Scale, left: number, columns: number, unit: string): string {
  const first = `${unit} ${short(x.low)}`;
  const last = short(x.high);
  const middle = short(x.low / 2 + x.high / 2);
  const line = first.padEnd(Math.max(first.length + 1, Math.round(columns / 2 - middle.length / 2))) + middle;
  const rest = columns - line.length - last.length;
  return " ".repeat(left) + (rest > 0 ? line + " ".repeat(rest) + last : `${first} … ${last}`);
}

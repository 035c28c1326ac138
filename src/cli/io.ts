/**
 * What a command talks through: data goes to stdout (tables, or JSON with --json), talk goes to stderr. Colour only on a
 * terminal and never when NO_COLOR is set.
 */

import { toJson } from "../base/json.ts";
import { fitCell, fitWidths } from "./fit.ts";

export interface Io {
  json: boolean;
  quiet: boolean;
  cwd: string;
  env: Record<string, string | undefined>;
  /** Characters a line of the terminal that data goes to; 80 when it goes elsewhere. */
  width: number;
  /** Data goes to a terminal: tables are fitted into its width. */
  fits: boolean;
  /** Data for whoever reads stdout: as JSON with --json, else as `human` says. */
  data(value: unknown, human: () => string): void;
  /** A line of talk to stderr; nothing with --quiet. */
  say(line: string): void;
  /** Rewrites one progress line on a terminal; off a terminal, a line at most every few seconds. */
  progress(line: string): void;
  /** Ends a progress line. */
  progressDone(): void;
  paint: Paint;
}

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const paintWith = (on: boolean): Paint => {
  const code = (open: number, close: number) => (text: string) => (on ? `\x1b[${open}m${text}\x1b[${close}m` : text);
  return {
    bold: code(1, 22),
    dim: code(2, 22),
    green: code(32, 39),
    red: code(31, 39),
    yellow: code(33, 39),
    cyan: code(36, 39),
  };
};

const OWN_COLOURS = new Set([1, 2, 22, 31, 32, 33, 36, 39].map((code) => `\x1b[${code}m`));

/** Without what would steer the terminal: names and reasons come from clients and from what steps print. */
const harmless = (text: string): string =>
  text.replaceAll(/\p{Cc}(?:\[\d+m)?/gu, (found) => {
    if (OWN_COLOURS.has(found) || /^[\n\t]/.test(found)) return found;
    return "";
  });

/** How often a progress line is printed where it cannot be rewritten. */
const PLAIN_PROGRESS_MS = 3000;

/** The real terminal. */
export function terminal(options: { json: boolean; quiet: boolean }): Io {
  const live = process.stderr.isTTY === true;
  // Both, because data and talk share it: a file that stdout goes to stays free of colour.
  const paint = paintWith(live && process.stdout.isTTY === true && process.env.NO_COLOR === undefined);
  let lastPlainMs = 0;
  let open = false;
  const clear = () => {
    if (open) process.stderr.write("\r\x1b[K");
    open = false;
  };
  return {
    ...options,
    cwd: process.cwd(),
    env: process.env,
    width: process.stdout.columns ?? 80,
    fits: process.stdout.isTTY === true,
    paint,
    data(value, human) {
      clear();
      const text = options.json ? toJson(value, 2) : harmless(human());
      if (text !== "") process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    say(line) {
      if (options.quiet) return;
      clear();
      process.stderr.write(`${harmless(line)}\n`);
    },
    progress(given) {
      if (options.quiet) return;
      const line = harmless(given);
      if (live) {
        process.stderr.write(`\r\x1b[K${paint.dim(line.slice(0, (process.stderr.columns ?? 80) - 1))}`);
        open = true;
      } else if (Date.now() - lastPlainMs > PLAIN_PROGRESS_MS) {
        lastPlainMs = Date.now();
        process.stderr.write(`${line}\n`);
      }
    },
    progressDone: clear,
  };
}

export interface TableColumn<T> {
  title: string;
  value: (row: T) => string | number | undefined;
  right?: boolean;
  /** Never cut to fit: an id that a person copies. */
  whole?: boolean;
}

const plainWidth = (text: string): number => Bun.stringWidth(text);

/** A cell is one line, whatever data holds. */
const oneLine = (text: string): string => harmless(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");

/** A table for people: a dim head, columns two spaces apart, numbers to the right; on a terminal as wide as that. */
export function table<T>(
  io: Io,
  rows: readonly T[],
  columns: readonly TableColumn<T>[],
  empty = "nothing yet",
): string {
  if (rows.length === 0) return io.paint.dim(empty);
  const cells = rows.map((row) => columns.map((column) => oneLine(String(column.value(row) ?? ""))));
  const natural = columns.map((column, i) => Math.max(column.title.length, ...cells.map((row) => plainWidth(row[i]!))));
  const whole = columns.map((column) => column.right === true || column.whole === true);
  const widths = io.fits ? fitWidths({ widths: natural, whole }, io.width) : natural;
  const pad = (text: string, i: number) => {
    const space = " ".repeat(Math.max(0, widths[i]! - plainWidth(text)));
    return columns[i]!.right ? space + text : text + space;
  };
  const linesOf = (row: readonly string[]): string[] => {
    const fitted = row.map((text, i) => fitCell(text, widths[i]!, i === row.length - 1));
    const height = Math.max(...fitted.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      fitted
        .map((lines, i) => pad(lines[line] ?? "", i))
        .join("  ")
        .trimEnd(),
    );
  };
  const head = linesOf(columns.map((column) => column.title)).map(io.paint.dim);
  return [...head, ...cells.flatMap(linesOf)].join("\n");
}

/** A moment to the second, in UTC. */
export const when = (time: number | string): string => new Date(time).toISOString().slice(0, 19).replace("T", " ");

/** A figure in five digits; nothing for none. */
export const figure = (value: number | null | undefined): string =>
  value === null || value === undefined ? "" : String(Number(value.toPrecision(5)));

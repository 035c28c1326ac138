/**
 * A command as data: help, `docs/cli.md` and the parser are all made from it. A command's file imports nothing heavy at
 * the top, because every start of the program reads all of them; what an action needs it imports when it runs.
 */

import { fail } from "../base/errors.ts";
import type { Io } from "./io.ts";

export interface Argument {
  name: string;
  about: string;
  required?: boolean;
  /** Takes all that remain. */
  many?: boolean;
}

export interface Option {
  /** Long form without dashes. */
  name: string;
  short?: string;
  about: string;
  /** Name of the value; absent: a flag. */
  value?: string;
  many?: boolean;
  default?: string;
}

export interface Input {
  args: Record<string, string | string[] | undefined>;
  options: Record<string, string | boolean | string[] | undefined>;
}

export interface Command {
  /** Words as typed: "run", "models list". */
  name: string;
  /** One line. */
  about: string;
  /** More, for help and docs. */
  details?: string;
  args?: Argument[];
  options?: Option[];
  examples?: string[];
  /** Resolves to the exit code; undefined is 0. */
  action: (io: Io, input: Input) => Promise<number | undefined>;
}

export interface CommandGroup {
  title: string;
  commands: Command[];
}

/** The text value of an argument or option; undefined when absent. */
export const text = (value: string | boolean | string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

/** The values of an argument or option that may be given many times. */
export const texts = (value: string | boolean | string[] | undefined): string[] =>
  Array.isArray(value) ? value : typeof value === "string" ? [value] : [];

/** A whole number within bounds, both included; undefined when absent. `place` is named in the complaint. */
export function numberOf(
  value: string | undefined,
  place: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER } = {},
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() === "" || !Number.isInteger(number))
    throw fail("USAGE", { what: `"${value}" is not a whole number`, place });
  if (number >= min && number <= max) return number;
  const bound = number < min ? `at least ${min}` : `at most ${max}`;
  throw fail("USAGE", { what: `${value} is out of bounds`, place, mend: `write ${bound}` });
}

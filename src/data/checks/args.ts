/** The keyword arguments of an expectation, read by kind. The first that is wrong ends the reading with what it should be. */

export type Bound = number | string | boolean;

/** An argument is missing, unknown or of the wrong kind. */
export class WrongArgument extends Error {
  constructor(
    what: string,
    readonly mend: string | undefined,
  ) {
    super(what);
  }
}

export class Args {
  constructor(
    readonly type: string,
    private readonly values: Readonly<Record<string, unknown>>,
  ) {}

  refuse(what: string, mend?: string): never {
    throw new WrongArgument(what, mend);
  }
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }
  raw(name: string): unknown {
    return this.values[name] ?? undefined;
  }
  text(name: string): string {
    const value = this.required(name);
    return typeof value === "string" ? value : this.wrong(name, "a text");
  }
  number(name: string): number {
    const value = this.required(name);
    return typeof value === "number" && Number.isFinite(value) ? value : this.wrong(name, "a number");
  }
  flag(name: string, otherwise: boolean): boolean {
    const value = this.raw(name) ?? otherwise;
    return typeof value === "boolean" ? value : this.wrong(name, "true or false");
  }
  list(name: string): unknown[] {
    const value = this.required(name);
    return Array.isArray(value) ? value : this.wrong(name, "a list");
  }
  texts(name: string): string[] {
    const value = this.list(name);
    return value.every((item) => typeof item === "string") ? value : this.wrong(name, "a list of texts");
  }
  oneOf<T extends string>(name: string, choices: readonly T[], otherwise: T): T {
    const value = this.raw(name) ?? otherwise;
    return choices.find((choice) => choice === value) ?? this.wrong(name, choices.join(" or "));
  }
  /** The share of rows that must do: 0 to 1, 1 when absent. */
  mostly(): number {
    const value = this.raw("mostly") ?? 1;
    return typeof value === "number" && value >= 0 && value <= 1 ? value : this.wrong("mostly", "a number from 0 to 1");
  }
  /** min_value and max_value, strict or not; either may be absent. */
  range(): Range {
    const [min, max] = [this.bound("min_value"), this.bound("max_value")];
    if (min !== undefined && max !== undefined) {
      if (typeof min !== typeof max) this.refuse("min_value and max_value are of different kinds");
      if (min > max) this.refuse(`min_value ${min} is greater than max_value ${max}`);
    }
    return { min, max, strictMin: this.flag("strict_min", false), strictMax: this.flag("strict_max", false) };
  }
  /** A range with at least one end. */
  closedRange(): Range {
    const range = this.range();
    if (range.min === undefined && range.max === undefined) this.refuse("neither min_value nor max_value is given");
    return range;
  }

  private bound(name: string): Bound | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string" || typeof value === "boolean") return value;
    return typeof value === "number" && !Number.isNaN(value) ? value : this.wrong(name, "a number or a text");
  }
  private required(name: string): unknown {
    return this.raw(name) ?? this.refuse(`${name} is missing`, `add ${name}`);
  }
  private wrong(name: string, kind: string): never {
    return this.refuse(`${name} is ${show(this.raw(name))}`, `${name} is ${kind}`);
  }
}

export interface Range {
  min: Bound | undefined;
  max: Bound | undefined;
  strictMin: boolean;
  strictMax: boolean;
}

export const RANGE_KWARGS = ["min_value", "max_value", "strict_min", "strict_max"] as const;

/** "between 1 and 5", "at least 1", "below 5". */
export function showRange({ min, max, strictMin, strictMax }: Range): string {
  if (min === undefined && max === undefined) return "anything";
  if (max === undefined) return `${strictMin ? "above" : "at least"} ${min}`;
  if (min === undefined) return `${strictMax ? "below" : "at most"} ${max}`;
  if (!strictMin && !strictMax) return `between ${min} and ${max}`;
  return `${strictMin ? "above" : "at least"} ${min} and ${strictMax ? "below" : "at most"} ${max}`;
}

/** A value in a sentence, cut when long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

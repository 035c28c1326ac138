/**
 * Great Expectations' suite files, of 0.18 (`expectation_type`, `evaluation_parameters`) and 1.x (`type`, `suite_parameters`), read
 * into expectations with the line of each. `{"$PARAMETER": "rows * 0.9"}` is replaced by its value.
 */

import { fail } from "../../base/errors.ts";
import type { Expectation } from "../../spec/types.ts";
import { arithmetic, BadArithmetic } from "./arithmetic.ts";

export interface Suite {
  name: string;
  expectations: Expectation[];
}

/**
 * Reads a suite; `parameters` go before the suite's own. CHECK_INVALID names the line. Whether the expectations exist, and fit
 * their arguments, is for `prepareChecks` to say.
 */
export function readSuite(text: string, file: string, parameters: Readonly<Record<string, unknown>> = {}): Suite {
  const suite = parse(text, file);
  const { expectations: list } = suite;
  if (!Array.isArray(list))
    throw fail("CHECK_INVALID", { what: "the suite has no list of expectations", place: `${file}:1` });
  const own = { ...asRecord(suite.evaluation_parameters), ...asRecord(suite.suite_parameters) };
  const values = { ...own, ...parameters };
  const lineOf = lines(text);
  const expectations = list.map((entry: unknown) => {
    const { expectation_type: old, type = old, kwargs } = asRecord(entry);
    if (typeof type !== "string")
      throw fail("CHECK_INVALID", { what: "an expectation has no type", place: `${file}:${lineOf(undefined)}` });
    const line = lineOf(type);
    return {
      type: type.replace(/^expect_/, ""),
      kwargs: withParameters(asRecord(kwargs), values, `${file}:${line}`) as Record<string, unknown>,
      line,
    };
  });
  return { name: String(suite.name ?? suite.expectation_suite_name ?? "suite"), expectations };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

function parse(text: string, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail("CHECK_INVALID", {
      what: `the suite is not JSON (${(cause as Error).message})`,
      place: file,
      mend: "name a suite that Great Expectations saved",
      cause,
    });
  }
  return asRecord(parsed);
}

/** JSON.parse keeps no lines: the types stand in the text in the order of the expectations, each after its key. */
function lines(text: string): (type: string | undefined) => number {
  let at = 0;
  return (type) => {
    if (type !== undefined) {
      const key = /"(?:expectation_)?type"\s*:\s*("(?:[^"\\]|\\.)*")/g;
      key.lastIndex = at;
      for (let match = key.exec(text); match; match = key.exec(text))
        if (JSON.parse(match[1]!) === type) {
          at = key.lastIndex;
          break;
        }
    }
    return text.slice(0, at).split("\n").length;
  };
}

function withParameters(value: unknown, parameters: Readonly<Record<string, unknown>>, place: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withParameters(item, parameters, place));
  if (value === null || typeof value !== "object") return value;
  const record = value as Record<string, unknown>;
  const expression = record.$PARAMETER;
  if (typeof expression === "string") return parameterOf(expression, record, parameters, place);
  return Object.fromEntries(
    Object.entries(record).map(([key, item]) => [key, withParameters(item, parameters, place)]),
  );
}

/** A parameter by name, or arithmetic over parameters. "$PARAMETER.name" beside it is a value to fall back on. */
function parameterOf(
  expression: string,
  record: Readonly<Record<string, unknown>>,
  parameters: Readonly<Record<string, unknown>>,
  place: string,
): unknown {
  const lookUp = (name: string): unknown => parameters[name] ?? record[`$PARAMETER.${name}`];
  const plain = lookUp(expression.trim());
  if (plain !== undefined) return plain;
  try {
    return arithmetic(expression, lookUp);
  } catch (error) {
    if (!(error instanceof BadArithmetic)) throw error;
    throw fail("CHECK_INVALID", {
      what: `the parameter ${JSON.stringify(expression)}: ${error.message}`,
      place,
      mend: "give it a value under suite_parameters",
    });
  }
}

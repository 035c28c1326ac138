/** Expectations as written, read into checks: every one that is unknown or has wrong arguments is named, all at once. */

import { fail, TrimtabError, TrimtabErrors } from "../../base/errors.ts";
import { nearest } from "../../spec/nearest.ts";
import type { Expectation } from "../../spec/types.ts";
import { Args, WrongArgument } from "./args.ts";
import type { Plan, Table } from "./check.ts";
import { BadCondition, conditionSql } from "./condition.ts";
import { CHECKS } from "./registry.ts";

export interface PreparedCheck {
  expectation: Expectation;
  /** SQL; undefined: all rows. */
  condition: string | undefined;
  plan: (table: Table) => Plan;
  /** It looks at each row's values, and says nothing of rows without. */
  isRowWise: boolean;
}

/** Taken by every expectation; those that say how to report are not needed here. */
const COMMON_KWARGS = [
  "row_condition",
  "condition_parser",
  "result_format",
  "catch_exceptions",
  "include_config",
  "batch_id",
  "meta",
  "id",
  "notes",
  "description",
  "severity",
  "auto",
  "profiler_config",
  "parse_strings_as_datetimes",
];

/** In Great Expectations, but Python's own parsers decide them. */
const PYTHON_ONLY: Record<string, string> = {
  column_values_to_be_dateutil_parseable: "use column_values_to_match_strftime_format",
  column_values_to_match_json_schema: "use column_values_to_be_json_parseable",
};

/** Reads all expectations; throws TrimtabErrors with every complaint, each at `file:line`. */
export function prepareChecks(expectations: readonly Expectation[], file: string): PreparedCheck[] {
  const errors: TrimtabError[] = [];
  const prepared: PreparedCheck[] = [];
  for (const expectation of expectations) {
    const place = `${file}:${expectation.line}`;
    try {
      prepared.push(prepare(expectation, place));
    } catch (error) {
      if (error instanceof TrimtabError) errors.push(error);
      else if (error instanceof WrongArgument || error instanceof BadCondition)
        errors.push(
          fail("CHECK_INVALID", {
            what: `${expectation.type}: ${error.message}`,
            place,
            ...(error instanceof WrongArgument && error.mend !== undefined ? { mend: error.mend } : {}),
          }),
        );
      else throw error;
    }
  }
  if (errors.length > 0) throw new TrimtabErrors(errors);
  return prepared;
}

function prepare(expectation: Expectation, place: string): PreparedCheck {
  const { type, kwargs } = expectation;
  const definition = CHECKS.get(type);
  if (!definition) throw unknown(type, place);
  const args = new Args(type, kwargs);
  const allowed = [...definition.kwargs, ...COMMON_KWARGS];
  for (const name of Object.keys(kwargs)) if (!allowed.includes(name)) refuseName(args, name, definition.kwargs);
  const condition = args.has("row_condition")
    ? conditionSql(args.raw("row_condition"), args.has("condition_parser") ? args.text("condition_parser") : "pandas")
    : undefined;
  return { expectation, condition, plan: definition.prepare(args), isRowWise: definition.kwargs.includes("mostly") };
}

function refuseName(args: Args, name: string, known: readonly string[]): never {
  const near = known.find((one) => one.startsWith(name)) ?? nearest(name, known);
  return args.refuse(
    `there is no argument ${name}`,
    near === undefined ? `its arguments are ${known.join(", ")}` : `write ${near}`,
  );
}

function unknown(type: string, place: string): TrimtabError {
  const other = PYTHON_ONLY[type];
  if (other !== undefined)
    return fail("NOT_AVAILABLE", { what: `${type} cannot be checked without Python`, place, mend: other });
  const near = nearest(type, CHECKS.keys());
  return fail("CHECK_INVALID", {
    what: `there is no expectation ${type}`,
    place,
    ...(near === undefined ? {} : { mend: `write ${near}` }),
  });
}

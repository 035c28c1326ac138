/**
 * The `expect:` list of a validate step. Names are Great Expectations' without `expect_`; arguments are its keyword
 * arguments, or one of the short forms below. The names are those of Great Expectations 1.x that a table can be checked for.
 */

import { mendName } from "./nearest.ts";
import { isMapping, type Mapping } from "./path.ts";
import { type Reading, show, type Wrong, wrong } from "./values.ts";

/** Expectation → the argument that a bare text, number or list stands for ("columns": one expectation for each). */
const SHORT_FORM: Record<
  string,
  "columns" | "column_list" | "column_set" | "value" | "unexpected_rows_query" | undefined
> = {
  column_to_exist: "columns",
  column_values_to_not_be_null: "columns",
  column_values_to_be_null: "columns",
  column_values_to_be_unique: "columns",
  column_values_to_be_in_set: undefined,
  column_values_to_not_be_in_set: undefined,
  column_values_to_be_between: undefined,
  column_value_lengths_to_be_between: undefined,
  column_value_lengths_to_equal: undefined,
  column_values_to_match_regex: undefined,
  column_values_to_not_match_regex: undefined,
  column_values_to_match_regex_list: undefined,
  column_values_to_not_match_regex_list: undefined,
  column_values_to_match_like_pattern: undefined,
  column_values_to_not_match_like_pattern: undefined,
  column_values_to_match_like_pattern_list: undefined,
  column_values_to_not_match_like_pattern_list: undefined,
  column_values_to_be_of_type: undefined,
  column_values_to_be_in_type_list: undefined,
  column_value_z_scores_to_be_less_than: undefined,
  column_values_to_be_increasing: "columns",
  column_values_to_be_decreasing: "columns",
  column_values_to_match_strftime_format: undefined,
  column_values_to_be_dateutil_parseable: "columns",
  column_values_to_be_json_parseable: "columns",
  column_values_to_match_json_schema: undefined,
  column_pair_values_to_be_equal: undefined,
  column_pair_values_a_to_be_greater_than_b: undefined,
  column_pair_values_to_be_in_set: undefined,
  compound_columns_to_be_unique: "column_list",
  select_column_values_to_be_unique_within_record: "column_list",
  multicolumn_sum_to_equal: undefined,
  column_min_to_be_between: undefined,
  column_max_to_be_between: undefined,
  column_mean_to_be_between: undefined,
  column_median_to_be_between: undefined,
  column_sum_to_be_between: undefined,
  column_stdev_to_be_between: undefined,
  column_unique_value_count_to_be_between: undefined,
  column_proportion_of_unique_values_to_be_between: undefined,
  column_proportion_of_non_null_values_to_be_between: undefined,
  column_distinct_values_to_be_in_set: undefined,
  column_distinct_values_to_contain_set: undefined,
  column_distinct_values_to_equal_set: undefined,
  column_most_common_value_to_be_in_set: undefined,
  column_quantile_values_to_be_between: undefined,
  column_kl_divergence_to_be_less_than: undefined,
  table_row_count_to_equal: "value",
  table_row_count_to_be_between: undefined,
  table_row_count_to_equal_other_table: undefined,
  table_column_count_to_equal: "value",
  table_column_count_to_be_between: undefined,
  table_columns_to_match_set: "column_set",
  table_columns_to_match_ordered_list: "column_list",
  unexpected_rows_expectation: "unexpected_rows_query",
};

/** Every expectation that pipeline.yaml may name. */
export const EXPECTATIONS: readonly string[] = Object.keys(SHORT_FORM);

export interface RawExpectation {
  type: string;
  kwargs: Mapping;
}

/** One item of the list; it may stand for several expectations when it names several columns. */
export function expectation(item: unknown): Reading<RawExpectation[]> {
  const entries = isMapping(item) ? Object.entries(item) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) {
    return wrong(
      `${show(item)} is not one expectation`,
      "write name: arguments, such as column_values_to_not_be_null: [date]",
      { code: "CHECK_INVALID" },
    );
  }
  const [name, given] = entry;
  const type = name.replace(/^expect_/, "");
  if (!Object.hasOwn(SHORT_FORM, type)) {
    return wrong(`there is no expectation ${show(name)}`, mendName(type, EXPECTATIONS, "expectations"), {
      code: "CHECK_INVALID",
      at: [name],
    });
  }
  const kwargs = argumentsOf(type, given);
  if ("wrong" in kwargs) return { wrong: kwargs.wrong.map((w) => ({ ...w, at: [name] })) };
  return { value: kwargs.value.map((k) => ({ type, kwargs: k })) };
}

function argumentsOf(type: string, given: unknown): Reading<Mapping[]> {
  if (isMapping(given) && !isEmptyList(given.column)) return { value: eachColumn(given) };
  const short = SHORT_FORM[type];
  const usage: Wrong = {
    what: `${show(given)} is not what ${type} takes`,
    mend:
      short === undefined ? "write its arguments as a mapping, such as { column: x, … }" : `write ${usageOf[short]}`,
    code: "CHECK_INVALID",
  };
  if (Array.isArray(given) && given.length > 0 && given.every((g) => isMapping(g) && !isEmptyList(g.column)))
    return { value: given.flatMap(eachColumn) };
  const names = (Array.isArray(given) ? given : [given]).filter((v) => typeof v === "string" && v !== "");
  const isNames = names.length > 0 && names.length === (Array.isArray(given) ? given.length : 1);
  if (short === "columns" && isNames) return { value: names.map((column) => ({ column })) };
  if ((short === "column_list" || short === "column_set") && isNames) return { value: [{ [short]: names }] };
  if (short === "value" && typeof given === "number") return { value: [{ value: given }] };
  if (short === "unexpected_rows_query" && typeof given === "string")
    return { value: [{ unexpected_rows_query: given }] };
  return { wrong: [usage] };
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const usageOf = {
  columns: "a column, a list of columns, or a mapping of its arguments",
  column_list: "a list of columns, or a mapping of its arguments",
  column_set: "a list of columns, or a mapping of its arguments",
  value: "a number, or a mapping of its arguments",
  unexpected_rows_query: "the query, or a mapping of its arguments",
};

/** `column: [a, b]` stands for one expectation a column. */
const eachColumn = (kwargs: Mapping): Mapping[] =>
  Array.isArray(kwargs.column) ? kwargs.column.map((column: unknown) => ({ ...kwargs, column })) : [kwargs];

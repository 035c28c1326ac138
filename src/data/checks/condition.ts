/**
 * `row_condition`: which rows an expectation looks at, in one of Great Expectations' languages, as SQL. pandas' query syntax and
 * Great Expectations' own texts (query-text.ts), what versions from 1.5 save instead of a text (an object with a type), and SQL itself for the
 * parsers that hand it to an engine (spark, sql). But for SQL a condition is true or false as pandas has it, never unknown: a
 * missing value is different from every value, and no less and no more than any.
 */

import { ident, literal } from "../sql.ts";
import { BadCondition, comparedSql, type Operator, querySql } from "./query-text.ts";

export { BadCondition };

/** The SQL of a condition; throws BadCondition with what cannot be read. */
export function conditionSql(condition: unknown, parser: string): string {
  if (typeof condition !== "string") return objectSql(condition, parser);
  switch (parser) {
    case "pandas":
    case "python":
      return querySql(condition);
    case "great_expectations":
    case "great_expectations__experimental__":
      return querySql(condition.replace(/\bcol\(\s*(["'])(.*?)\1\s*\)/g, (_, _quote, name: string) => `\`${name}\``));
    case "spark":
    case "sql":
      return condition;
    default:
      throw new BadCondition(`there is no condition_parser ${parser}; use pandas, great_expectations or sql`);
  }
}

interface Saved {
  type?: unknown;
  column?: { name?: unknown };
  operator?: unknown;
  parameter?: unknown;
  is_null?: unknown;
  conditions?: unknown;
  pass_through_filter?: unknown;
}

const OPERATORS: Record<string, Operator> = {
  "==": "=",
  "!=": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
  IN: "IN",
  NOT_IN: "NOT IN",
};

/** Great Expectations' row_conditions.py: comparison, nullity, and, or, pass_through. */
function objectSql(condition: unknown, parser: string): string {
  const { type, column, operator, parameter, is_null, conditions, pass_through_filter } = (condition ?? {}) as Saved;
  const cannot = () => new BadCondition(`cannot read ${JSON.stringify(condition)?.slice(0, 80)} as a condition`);
  if (type === "pass_through" && typeof pass_through_filter === "string")
    return conditionSql(pass_through_filter, parser);
  if ((type === "and" || type === "or") && Array.isArray(conditions) && conditions.length > 0)
    return `(${conditions.map((one) => objectSql(one, parser)).join(type === "and" ? " AND " : " OR ")})`;
  if (typeof column?.name !== "string") throw cannot();
  const name = ident(column.name);
  if (type === "nullity") return `(${name} ${is_null === true ? "IS NULL" : "IS NOT NULL"})`;
  const known = OPERATORS[String(operator)];
  if (type !== "comparison" || known === undefined) throw cannot();
  if (!known.endsWith("IN")) return comparedSql(name, known, valueSql(parameter, cannot));
  if (!Array.isArray(parameter)) throw cannot();
  const list = parameter.map((value) => valueSql(value, cannot));
  return comparedSql(name, known, `(${list.join(", ") || "NULL"})`);
}

function valueSql(value: unknown, cannot: () => Error): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return literal(value);
  throw cannot();
}

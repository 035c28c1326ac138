/**
 * Checks of text against patterns and formats. Regular expressions match anywhere in the text, as Python's re.search; they are
 * RE2's, so look-around and back-references are refused. LIKE tells letters' case apart.
 */

import { literal } from "../sql.ts";
import { type Args, show } from "./args.ts";
import type { CheckDefinition } from "./check.ts";
import type { TestedColumn } from "./columns.ts";
import { valueCheck } from "./values.ts";

const asText = (column: TestedColumn): string => (column.type === "VARCHAR" ? column.sql : `${column.sql}::VARCHAR`);

function regex(args: Args, pattern: string): string {
  if (/\(\?(=|!|<=|<!)|\\[1-9]|\(\?P=/.test(pattern))
    args.refuse(
      `${show(pattern)} uses look-around or a back-reference`,
      "write it without: patterns are RE2's, which match in linear time",
    );
  return pattern;
}

/** What makes one condition of several patterns. */
type Join = " OR " | " AND ";
type Matcher = (column: TestedColumn, pattern: string) => string;

const matchesRegex: Matcher = (column, pattern) => `regexp_matches(${asText(column)}, ${literal(pattern)})`;
const matchesLike: Matcher = (column, pattern) => `${asText(column)} LIKE ${literal(pattern)}`;

const joined = (matcher: Matcher, column: TestedColumn, patterns: readonly string[], join: Join): string =>
  patterns.length === 0 ? "FALSE" : patterns.map((pattern) => `(${matcher(column, pattern)})`).join(join);

function patternCheck(
  type: string,
  kwarg: "regex" | "regex_list" | "like_pattern" | "like_pattern_list",
  negative: boolean,
): CheckDefinition {
  const isList = kwarg.endsWith("_list");
  const matcher = kwarg.startsWith("regex") ? matchesRegex : matchesLike;
  const kwargs = isList && !negative ? [kwarg, "match_on"] : [kwarg];
  return valueCheck(type, kwargs, (args) => {
    const patterns = isList ? args.texts(kwarg) : [args.text(kwarg)];
    if (isList && patterns.length === 0) args.refuse(`${kwarg} is empty`);
    if (kwarg.startsWith("regex")) for (const pattern of patterns) regex(args, pattern);
    const join: Join = negative || args.oneOf("match_on", ["any", "all"], "any") === "any" ? " OR " : " AND ";
    const shown = show(isList ? patterns : patterns[0]);
    const [good, bad] = [`match ${shown}`, `do not match ${shown}`];
    return {
      expected: (column) => `${negative ? "NOT " : ""}(${joined(matcher, column, patterns, join)})`,
      good: negative ? bad : good,
      bad: negative ? good : bad,
    };
  });
}

/**
 * The engine reads more than Python's strptime does: years of two digits as %Y, spaces around a value. It reads less where %z is Z.
 */
function writtenAs(text: string, format: string): string {
  const shape = format.replace(/%-?[A-Za-z]|%%|\s+|./gs, (part) => {
    if (part === "%Y") return "\\d{4}";
    if (part === "%%") return "%";
    if (part.startsWith("%")) return "\\S(?:.*\\S)?";
    return /^\s/.test(part) ? "\\s+" : part.replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  });
  const offset = format.endsWith("%z") ? `regexp_replace(${text}, 'Z$', '+00:00')` : text;
  return `regexp_full_match(${text}, ${literal(shape)}) AND try_strptime(${offset}, ${literal(format)}) IS NOT NULL`;
}

export const TEXT_CHECKS = [
  patternCheck("column_values_to_match_regex", "regex", false),
  patternCheck("column_values_to_not_match_regex", "regex", true),
  patternCheck("column_values_to_match_regex_list", "regex_list", false),
  patternCheck("column_values_to_not_match_regex_list", "regex_list", true),
  patternCheck("column_values_to_match_like_pattern", "like_pattern", false),
  patternCheck("column_values_to_not_match_like_pattern", "like_pattern", true),
  patternCheck("column_values_to_match_like_pattern_list", "like_pattern_list", false),
  patternCheck("column_values_to_not_match_like_pattern_list", "like_pattern_list", true),
  valueCheck("column_values_to_match_strftime_format", ["strftime_format"], (args) => {
    const format = args.text("strftime_format");
    return {
      expected: (column) => writtenAs(asText(column), format),
      good: `are times written as ${show(format)}`,
      bad: `are not times written as ${show(format)}`,
    };
  }),
  valueCheck("column_values_to_be_json_parseable", [], () => ({
    expected: (column) => `json_valid(${asText(column)})`,
    good: "are JSON",
    bad: "are not JSON",
  })),
];

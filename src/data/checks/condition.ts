/**
 * `row_condition`: which rows an expectation looks at, in one of Great Expectations' languages, as SQL. pandas' query syntax
 * (comparisons, and, or, not, in, `back-ticked names`, name.isnull()), Great Expectations' own (`col("x") > 5`), and SQL itself
 * for the parsers that hand it to an engine (spark, sql).
 */

import { ident, literal } from "../sql.ts";

const TOKEN =
  /\s*(?:(`[^`]+`)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(==|!=|<=|>=|[<>()[\],&|~+\-*/])|([A-Za-z_]\w*(?:\.\w+)?))/y;

const WORDS: Record<string, string> = {
  "==": "=",
  "!=": "!=",
  "[": "(",
  "]": ")",
  "&": "AND",
  "|": "OR",
  "~": "NOT",
  and: "AND",
  or: "OR",
  not: "NOT",
  in: "IN",
  True: "TRUE",
  False: "FALSE",
};

export class BadCondition extends Error {}

/** The SQL of a condition; throws BadCondition with what cannot be read. */
export function conditionSql(condition: string, parser: string): string {
  switch (parser) {
    case "pandas":
    case "python":
      return pandasSql(condition);
    case "great_expectations":
    case "great_expectations__experimental__":
      return pandasSql(condition.replace(/\bcol\(\s*(["'])(.*?)\1\s*\)/g, (_, _quote, name: string) => `\`${name}\``));
    case "spark":
    case "sql":
      return condition;
    default:
      throw new BadCondition(`there is no condition_parser ${parser}; use pandas, great_expectations or sql`);
  }
}

/** Token by token: every token of the language has its word in SQL, so nothing else can come out. */
function pandasSql(condition: string): string {
  const text = condition.replace(
    /(`[^`]+`|[A-Za-z_]\w*)\s*\.\s*(not_?null|is_?null|notna|isna)\(\)/gi,
    (_, name, test) => (/^not/i.test(test) ? `(${name} != __null__)` : `(${name} == __null__)`),
  );
  const words: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new BadCondition(`cannot read ${JSON.stringify(text.slice(at, at + 20))} in the condition`);
    words.push(wordOf(match));
  }
  if (words.length === 0) throw new BadCondition("the condition is empty");
  return words.join(" ").replaceAll("!= __null__", "IS NOT NULL").replaceAll("= __null__", "IS NULL");
}

function wordOf([, quotedName, text, number, operator, name]: RegExpExecArray): string {
  if (quotedName !== undefined) return ident(quotedName.slice(1, -1));
  if (text !== undefined) return literal(text.slice(1, -1).replace(/\\(.)/g, "$1"));
  if (number !== undefined) return number;
  if (operator !== undefined) return WORDS[operator] ?? operator;
  if (name === "__null__") return name;
  if (name!.includes(".")) throw new BadCondition(`cannot read ${name} in the condition`);
  return Object.hasOwn(WORDS, name!) ? WORDS[name!]! : ident(name!);
}

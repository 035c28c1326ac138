/** How a problem inside an expression is told: what, at which column of which expression. */

import { fail, type TrimtabError } from "../../base/errors.ts";
import { type ExpressionProblem, underline } from "./expressions/problem.ts";

/** Characters of an expression, and of what it quotes, that a message of one line shows. */
const SHOWN_CHARS = 120;

/** The problem with its expression; of a long one the part around the problem. */
export const describeProblem = (problem: ExpressionProblem, text: string): string =>
  `${excerpt(problem.message, 0)}, at column ${problem.at + 1} of: ${excerpt(text, problem.at)}`;

function excerpt(text: string, at: number): string {
  if (text.length <= SHOWN_CHARS) return text;
  const from = Math.max(0, Math.min(at - SHOWN_CHARS / 2, text.length - SHOWN_CHARS));
  const to = from + SHOWN_CHARS;
  return `${from > 0 ? "…" : ""}${text.slice(from, to)}${to < text.length ? "…" : ""}`;
}

/** FEATURES_INVALID, with the caret line in `details`. */
export const expressionError = (problem: ExpressionProblem, text: string, place: string): TrimtabError =>
  fail("FEATURES_INVALID", {
    what: describeProblem(problem, text),
    place,
    mend: problem.mend,
    details: { expression: text, column: problem.at + 1, caret: underline(text, problem.at) },
  });

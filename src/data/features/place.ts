/** How a problem inside an expression is told: what, at which column of which expression. */

import { fail, type TrimtabError } from "../../base/errors.ts";
import { type ExpressionProblem, underline } from "./expressions/problem.ts";

export const describeProblem = (problem: ExpressionProblem, text: string): string =>
  `${problem.message}, at column ${problem.at + 1} of: ${text}`;

/** FEATURES_INVALID, with the caret line in `details`. */
export const expressionError = (problem: ExpressionProblem, text: string, place: string): TrimtabError =>
  fail("FEATURES_INVALID", {
    what: describeProblem(problem, text),
    place,
    mend: problem.mend,
    details: { expression: text, column: problem.at + 1, caret: underline(text, problem.at) },
  });

/** What is wrong with one expression, and where in it. The caller knows the file and adds it. */

export class ExpressionProblem extends Error {
  constructor(
    message: string,
    /** Offset in the expression, from 0. */
    readonly at: number,
    readonly mend: string,
  ) {
    super(message);
    this.name = "ExpressionProblem";
  }
}

/** The expression with a caret below the place: for people who print details. */
export const underline = (expression: string, at: number): string => `${expression}\n${" ".repeat(at)}^`;

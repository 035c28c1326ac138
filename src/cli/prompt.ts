/** The one door to @clack/prompts: questions on a terminal. */

import { isCancel, select } from "@clack/prompts";
import { fail } from "../base/errors.ts";

/** Lets a person choose; Ctrl-C is an error, not a choice. */
export async function chooseOne(question: string, choices: readonly string[]): Promise<string> {
  const answer = await select({ message: question, options: choices.map((value) => ({ value, label: value })) });
  if (isCancel(answer))
    throw fail("USAGE", { what: "nothing was chosen", mend: "choose one, or name it as an option" });
  return answer as string;
}

/**
 * argv in, exit code out. Prints every error as its one line; `TRIMTAB_LOG=debug` adds the stack of what is not ours.
 */

import { writeSync } from "node:fs";
import { asTrimtabError, fail, TrimtabErrors } from "./base/errors.ts";
import { log, redact } from "./base/log.ts";
import { CONTROL_WORD, SERVE_WORD } from "./base/program.ts";
import { VERSION } from "./base/version.ts";
import { COMMANDS } from "./cli/commands.ts";
import { runCommand } from "./cli/parse.ts";

const ENDED_INSIDE = {
  what: "something that runs in this process ended it before its work was done",
  mend: "look for process.exit in the model's code, else report it with the output of TRIMTAB_LOG=debug",
};

async function main(argv: readonly string[]): Promise<number> {
  try {
    const [word, argument] = argv;
    if (word === SERVE_WORD || word === CONTROL_WORD) {
      const entries = await import("./server/processes.ts");
      return await (word === SERVE_WORD ? entries.serveEntry : entries.controlEntry)(argument!);
    }
    return await runCommand(COMMANDS, argv, VERSION);
  } catch (error) {
    if (error instanceof TrimtabErrors) process.stderr.write(`${redact(error.message)}\n`);
    else process.stderr.write(`${asTrimtabError(error).oneLine()}\n`);
    if (error instanceof Error) log.debug("error.stack", { stack: error.stack });
    return asTrimtabError(error).exit;
  }
}

let isDone = false;
process.on("exit", () => {
  if (isDone) return;
  // A module that we run (a model in JavaScript) called process.exit, or everything that was awaited can never come.
  writeSync(2, `${fail("INTERNAL", ENDED_INSIDE).oneLine()}\n`);
  process.exitCode = 1;
});
const exitCode = await main(process.argv.slice(2));
isDone = true;
process.exit(exitCode);

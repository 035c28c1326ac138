/**
 * argv in, exit code out. Prints every error as its one line; `TRIMTAB_LOG=debug` adds the stack of what is not ours.
 */

import { writeSync } from "node:fs";
import { asTrimtabError, fail, TrimtabErrors } from "./base/errors.ts";
import { keepNamedSecrets, log, redact } from "./base/log.ts";
import { ENTRIES } from "./server/processes.ts";

const ENDED_INSIDE = {
  what: "something that runs in this process ended it before its work was done",
  mend: "look for process.exit in the model's code, else report it with the output of TRIMTAB_LOG=debug",
};

async function main(argv: readonly string[]): Promise<number> {
  keepNamedSecrets(process.env);
  try {
    const [word, argument] = argv;
    const entry = ENTRIES.get(word);
    return await (entry ? entry(argument!) : command(argv));
  } catch (error) {
    if (error instanceof TrimtabErrors) process.stderr.write(`${redact(error.message)}\n`);
    else process.stderr.write(`${asTrimtabError(error).oneLine()}\n`);
    if (error instanceof Error) log.debug("error.stack", { stack: error.stack });
    return asTrimtabError(error).exit;
  }
}

/** What a person typed. Imported here, so that our own processes do not carry it. */
async function command(argv: readonly string[]): Promise<number> {
  const { COMMANDS } = await import("./cli/commands.ts");
  const { runCommand } = await import("./cli/parse.ts");
  const { VERSION } = await import("./base/version.ts");
  return runCommand(COMMANDS, argv, VERSION);
}

/**
 * Waits until stdout has been taken: a pipe holds 64 KiB, and to exit before its reader has read would cut the data short.
 * False, with a line that says so, when it cannot be written; a reader that has seen enough and left is no failure.
 */
async function delivered(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null | undefined>();
  process.stdout.once("error", resolve);
  process.stdout.end(resolve);
  const error = await promise;
  if (!error || error.code === "EPIPE") return true;
  process.stderr.write(`${asTrimtabError(error).oneLine()}\n`);
  return false;
}

// Talk that nobody hears any more, since a terminal was closed or a pipe's reader left, must not end what runs.
process.stderr.on("error", () => undefined);

let isDone = false;
process.on("exit", () => {
  if (isDone) return;
  // A module that we run (a model in JavaScript) called process.exit, or everything that was awaited can never come.
  writeSync(2, `${fail("INTERNAL", ENDED_INSIDE).oneLine()}\n`);
  process.exitCode = 1;
});
const exitCode = await main(process.argv.slice(2));
isDone = true;
process.exit((await delivered()) ? exitCode : exitCode || 1);

/** The one door to commander: turns the commands' data into a parser and runs the chosen action. */

import { Command as Commander, CommanderError } from "commander";
import { fail } from "../base/errors.ts";
import type { Command, CommandGroup, Input, Option } from "./command.ts";
import { type Io, terminal } from "./io.ts";

/** Options that every command takes; they may stand before or after its name. */
const GLOBAL_OPTIONS = [
  { name: "json", about: "print data as JSON" },
  { name: "quiet", short: "q", about: "no talk on stderr, only errors" },
] as const;

/** Runs the command that `argv` names (without program and script); resolves to the exit code. */
export async function runCommand(
  groups: readonly CommandGroup[],
  argv: readonly string[],
  version: string,
): Promise<number> {
  let exitCode = 0;
  const program = new Commander("trimtab")
    .description("The whole life of a machine-learning model in one program, one directory and one pipeline.yaml.")
    .version(version, "-V, --version", "print the version")
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const option of GLOBAL_OPTIONS) program.option(flagsOf(option), option.about);
  const parents = new Map<string, Commander>([["", program]]);
  for (const group of groups)
    for (const command of group.commands) {
      const built = addCommand(parents, command);
      built.action(async (...raw: unknown[]) => {
        const input = inputOf(command, built, raw);
        const io: Io = terminal({ json: input.options.json === true, quiet: input.options.quiet === true });
        exitCode = (await command.action(io, input)) ?? 0;
      });
    }
  try {
    // Commander prints help and usage errors itself; we only choose the exit code.
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help")
      return argv.length === 0 ? 2 : error.exitCode === 0 ? 0 : 2;
    throw fail("USAGE", {
      what: error.message
        .replace(/^error: /, "")
        .replaceAll("\n", " ")
        .replace(/\.$/, ""),
      mend: `see ${["trimtab", ...commandIn(groups, argv), "--help"].join(" ")}`,
    });
  }
  return exitCode;
}

/** The words of `argv` that name a command; none when they do not. */
function commandIn(groups: readonly CommandGroup[], argv: readonly string[]): string[] {
  const words = argv.filter((word) => !word.startsWith("-"));
  const names = groups.flatMap((group) => group.commands.map((command) => command.name.split(" ")));
  const named = names.filter((name) => name.every((word, i) => words[i] === word));
  return named.sort((a, b) => b.length - a.length)[0] ?? [];
}

function addCommand(parents: Map<string, Commander>, command: Command): Commander {
  const words = command.name.split(" ");
  const parentName = words.slice(0, -1).join(" ");
  let parent = parents.get(parentName);
  if (!parent) {
    parent = quieted(parents.get("")!.command(parentName));
    parents.set(parentName, parent);
  }
  const built = quieted(parent.command(words.at(-1)!))
    .summary(command.about)
    .description(descriptionOf(command));
  for (const arg of command.args ?? []) {
    const name = arg.many ? `${arg.name}...` : arg.name;
    built.argument(arg.required ? `<${name}>` : `[${name}]`, arg.about);
  }
  for (const option of [...(command.options ?? []), ...GLOBAL_OPTIONS]) {
    const full: NonNullable<Command["options"]>[number] = option;
    const flags = flagsOf(full);
    if (full.many) built.option(flags, full.about, (value: string, all: string[] = []) => [...all, value]);
    else built.option(flags, full.about, full.default);
  }
  // A group says what is in it.
  if (parentName) parent.description(parent.commands.map((one) => one.name()).join(", "));
  parents.set(command.name, built);
  return built;
}

const flagsOf = ({ name, short, value }: Pick<Option, "name" | "short" | "value">): string =>
  `${short ? `-${short}, ` : ""}--${name}${value ? ` <${value}>` : ""}`;

function quieted(command: Commander): Commander {
  return command.exitOverride().configureOutput({ outputError: () => {} });
}

const descriptionOf = (command: Command): string => {
  const examples = command.examples?.length
    ? `\n\nExamples:\n${command.examples.map((e) => `  $ ${e}`).join("\n")}`
    : "";
  return `${command.about}${command.details ? `\n\n${command.details}` : ""}${examples}`;
};

function inputOf(command: Command, built: Commander, raw: unknown[]): Input {
  const args: Input["args"] = {};
  (command.args ?? []).forEach((arg, i) => {
    args[arg.name] = raw[i] as string | string[] | undefined;
  });
  const options: Input["options"] = {};
  for (const [key, value] of Object.entries(built.optsWithGlobals() as Record<string, string | boolean | string[]>))
    options[key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)] = value;
  return { args, options };
}

/** Pages of docs/ that are made from the code: `npm run docs` writes them, a test holds them equal. */

import { ERRORS } from "../base/errors.ts";
import type { Command, CommandGroup } from "./command.ts";

/** docs/cli.md: every command with its arguments, options and examples. */
export function cliPage(groups: readonly CommandGroup[]): string {
  const parts = [
    "# Commands",
    "",
    "Made from the code by `npm run docs`.",
    "",
    "Data goes to stdout, talk to stderr. Every command takes `--json` (data as JSON), `--quiet` and `--help`. Exit codes: 0 done, 1 failed, 2 bad input, 3 the gate said no.",
    "",
  ];
  for (const group of groups) parts.push(`## ${group.title}`, "", ...group.commands.flatMap(commandPart));
  return `${parts.join("\n").trimEnd()}\n`;
}

function commandPart(command: Command): string[] {
  const args = (command.args ?? []).map((arg) =>
    arg.required ? `<${arg.name}${arg.many ? "…" : ""}>` : `[${arg.name}${arg.many ? "…" : ""}]`,
  );
  const rows = [
    ...(command.args ?? []).map((arg) => [arg.name, arg.about]),
    ...(command.options ?? []).map((option) => [
      `${option.short ? `-${option.short}, ` : ""}--${option.name}${option.value ? ` <${option.value}>` : ""}`,
      `${option.about}${option.default ? ` (default: ${option.default})` : ""}${option.many ? "; may be repeated" : ""}`,
    ]),
  ];
  return [
    `### trimtab ${[command.name, ...args].join(" ")}`,
    "",
    `${command.about}.${command.details ? ` ${command.details}` : ""}`,
    "",
    ...(rows.length > 0
      ? ["| | |", "| --- | --- |", ...rows.map(([name, about]) => `| \`${name}\` | ${about} |`), ""]
      : []),
    ...(command.examples ? ["```", ...command.examples, "```", ""] : []),
  ];
}

/** docs/errors.md: the table of errors. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, exit, means, mend }]) => `| \`${code}\` | ${status} | ${exit} | ${means} | ${mend} |`,
  );
  return `# Errors

Made from the code by \`npm run docs\`.

An error is one line on stderr, \`error[CODE] place: what happened. Mend: how.\`, and over HTTP
\`{ "error": { "code", "message", "place", "mend" } }\`. All complaints about one file come at once, a line each.

| code | HTTP | exit | means | mend |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

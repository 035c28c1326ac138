/** `init`: an example's folder, ready to run. Nothing is written when anything stands in the way. */

import type { Command, CommandGroup } from "./command.ts";
import { text } from "./command.ts";
import type { Io } from "./io.ts";

const init: Command = {
  name: "init",
  about: "Start a project from a template",
  details:
    "Templates: flights (a trainer in TypeScript, no Python needed) and flights-sklearn (Python and scikit-learn).",
  args: [{ name: "folder", about: "where to put it; default: here" }],
  options: [{ name: "template", short: "t", value: "name", about: "flights or flights-sklearn" }],
  examples: ["trimtab init --template flights x && cd x && trimtab run && trimtab up"],
  action: async (io, input) => {
    const { createProject, TEMPLATES } = await import("../life/templates.ts");
    const template = text(input.options.template) ?? (await ask(io, TEMPLATES));
    io.progress(`writing ${template}…`);
    const made = await createProject({ template, folder: text(input.args.folder) ?? ".", cwd: io.cwd, env: io.env });
    io.progressDone();
    io.data(made, () => made.files.join("\n"));
    for (const line of made.next) io.say(`${io.paint.dim("next:")} ${line}`);
    return 0;
  },
};

/** A terminal may be asked; a script gets the default. */
async function ask(io: Io, templates: readonly string[]): Promise<string> {
  if (io.json || process.stdin.isTTY !== true || process.stdout.isTTY !== true) return templates[0]!;
  const { chooseOne } = await import("./prompt.ts");
  return chooseOne("Which template?", templates);
}

export const initGroup: CommandGroup = { title: "Start", commands: [init] };

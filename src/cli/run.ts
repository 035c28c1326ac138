/** `run`, `why`, `status`: the pipeline from a person's side. */

import type { Command, CommandGroup } from "./command.ts";
import { text, texts } from "./command.ts";

const FILE_OPTION = { name: "file", short: "f", value: "path", about: "pipeline file", default: "pipeline.yaml" };

const run: Command = {
  name: "run",
  about: "Run what must run: data to a deployed model",
  details:
    "Runs the steps whose inputs changed, registers what they made, lets the gate decide and deploys what passed. Running twice does nothing the second time. Exit code 3: the gate said no.",
  args: [{ name: "step", about: "only these steps and what they need", many: true }],
  options: [
    FILE_OPTION,
    { name: "force", about: "run steps even when nothing changed" },
    { name: "dry-run", about: "print the plan and change nothing" },
    { name: "param", short: "p", value: "k=v", about: "override a step's parameter", many: true },
    { name: "jobs", short: "j", value: "n", about: "CPUs' worth of steps at once" },
    { name: "wait", value: "duration", about: "wait this long for another run to end" },
    { name: "trigger", value: "name", about: "why it runs, for the record", default: "manual" },
    { name: "reason", value: "text", about: "one sentence for the journal" },
  ],
  examples: ["trimtab run", "trimtab run train --force", "trimtab run --param max_depth=8 --dry-run"],
  action: async (io, input) => {
    const { runCommand } = await import("./run-actions.ts");
    return runCommand(io, input);
  },
};

const why: Command = {
  name: "why",
  about: "Why a step runs or does not: the first part of its key that differs",
  args: [{ name: "step", about: "the step", required: true }],
  options: [FILE_OPTION, { name: "param", short: "p", value: "k=v", about: "as for run", many: true }],
  action: async (io, input) => {
    const { whyCommand } = await import("./run-actions.ts");
    return whyCommand(io, text(input.args.step)!, text(input.options.file)!, texts(input.options.param));
  },
};

const status: Command = {
  name: "status",
  about: "What would run, what serves now, and what needs attention",
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { statusCommand } = await import("./run-actions.ts");
    return statusCommand(io, text(input.options.file)!);
  },
};

export const runGroup: CommandGroup = { title: "Pipeline", commands: [run, why, status] };

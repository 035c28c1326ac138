/** `validate`, `profile`, `features`, `drift`: the data from a person's side. Each works alone, without a run. */

import type { Command, CommandGroup } from "./command.ts";
import { numberOf, text } from "./command.ts";

const FILE_OPTION = { name: "file", short: "f", value: "path", about: "pipeline file", default: "pipeline.yaml" };

const validate: Command = {
  name: "validate",
  about: "Check the pipeline file, and the data against its expectations",
  details: "Exit code 1 when a check fails, 2 when pipeline.yaml is wrong.",
  options: [FILE_OPTION, { name: "great-expectations", about: "print results as Great Expectations' JSON" }],
  action: async (io, input) => {
    const { validateCommand } = await import("./data-actions.ts");
    return validateCommand(io, text(input.options.file)!, input.options["great-expectations"] === true);
  },
};

const profile: Command = {
  name: "profile",
  about: "What is in the data: types, nulls, ranges, distinct values",
  args: [{ name: "data", about: "a data source's name, a file, a folder or a glob", required: true }],
  options: [FILE_OPTION],
  examples: ["trimtab profile flights", "trimtab profile data/new.csv --json"],
  action: async (io, input) => {
    const { profileCommand } = await import("./data-actions.ts");
    return profileCommand(io, text(input.args.data)!, text(input.options.file)!);
  },
};

const features: Command = {
  name: "features",
  about: "The features of a version: their names and the inputs they are computed from",
  args: [{ name: "version", about: "its number; default: the one that serves" }],
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { featuresCommand } = await import("./data-actions.ts");
    return featuresCommand(io, numberOf(text(input.args.version), "version", { min: 1 }), text(input.options.file)!);
  },
};

const drift: Command = {
  name: "drift",
  about: "Judge the live windows: drift scores, live metrics, what fired",
  options: [FILE_OPTION, { name: "limit", short: "n", value: "n", about: "windows shown", default: "20" }],
  action: async (io, input) => {
    const { driftCommand } = await import("./data-actions.ts");
    return driftCommand(
      io,
      text(input.options.file)!,
      numberOf(text(input.options.limit), "--limit", { min: 1 }) ?? 20,
    );
  },
};

export const dataGroup: CommandGroup = { title: "Data and monitoring", commands: [validate, profile, features, drift] };

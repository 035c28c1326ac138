/** `rollout …`: the way of a version that passed the gate to the traffic, where a person must say yes. */

import type { Approval } from "../db/approvals.ts";
import type { Life } from "../life/context.ts";
import type { Pipeline } from "../spec/types.ts";
import type { Command, CommandGroup, Input } from "./command.ts";
import { numberOf, text } from "./command.ts";
import type { Io } from "./io.ts";
import { table, when } from "./io.ts";

const FILE_OPTION = { name: "file", short: "f", value: "path", about: "pipeline file", default: "pipeline.yaml" };
const VERSION = { name: "version", about: "its number; default: the one that waits" };
const REASON = { name: "reason", value: "text", about: "one sentence for the journal", default: "by hand" };

async function withPipeline<T>(
  io: Io,
  input: Input,
  work: (life: Life, pipeline: Pipeline) => Promise<T>,
): Promise<{ pipeline: Pipeline; result: T }> {
  const { readPipeline, withLife } = await import("../life/context.ts");
  const pipeline = await readPipeline(io.cwd, { file: text(input.options.file)!, env: io.env });
  const result = await withLife({ root: pipeline.root, env: io.env }, (life) => work(life, pipeline));
  return { pipeline, result };
}

/** What was said: about which version (3, v3, or the one that waits), and why. */
const saidIn = (input: Input): { version: number | undefined; reason: string } => ({
  version: numberOf(text(input.args.version)?.replace(/^v(?=\d)/, ""), "version", { min: 1 }),
  reason: text(input.options.reason)!,
});

const stateOf = (io: Io, { state }: Approval): string => (state === "waiting" ? io.paint.yellow(state) : state);

const status: Command = {
  name: "rollout status",
  about: "Versions that needed a person's yes, newest first, and who said what",
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { rolloutOf } = await import("../life/approval.ts");
    const { pipeline, result } = await withPipeline(io, input, (life, { model }) => rolloutOf(life, model));
    io.data(result, () =>
      result.approvals.length === 0
        ? `nothing of ${pipeline.model} waits${pipeline.deploy.approve ? "" : ": deploy.approve is not set"}`
        : table(io, result.approvals, [
            { title: "version", value: (a) => String(a.version), right: true },
            { title: "state", value: (a) => stateOf(io, a) },
            { title: "asked", value: (a) => when(a.askedMs), whole: true },
            { title: "by", value: (a) => a.decidedBy ?? "" },
            { title: "why", value: (a) => a.decidedWhy ?? a.reason },
          ]),
    );
    return 0;
  },
};

const yes: Command = {
  name: "rollout approve",
  about: "Say yes to the version that waits, where `deploy.approve` is true: it is deployed",
  args: [VERSION],
  options: [FILE_OPTION, REASON],
  examples: ["trimtab rollout approve 7 --reason 'looked at the worst hundred errors'"],
  action: async (io, input) => {
    const { approve } = await import("../life/approval.ts");
    const { result: made } = await withPipeline(io, input, (life, at) => approve(life, at, saidIn(input)));
    io.data(made, () => `${io.paint.green("deployed")} ${made.model} ${made.models[0]?.version} as ${made.id}`);
    return 0;
  },
};

const no: Command = {
  name: "rollout abort",
  about: "Say no to the version that waits: it does not ask again",
  args: [VERSION],
  options: [FILE_OPTION, REASON],
  action: async (io, input) => {
    const { abort } = await import("../life/approval.ts");
    const { result: refused } = await withPipeline(io, input, (life, at) => abort(life, at, saidIn(input)));
    io.data(refused, () => `${refused.name} ${refused.version} is refused; the champion keeps serving`);
    return 0;
  },
};

export const rolloutGroup: CommandGroup = { title: "Rollout", commands: [status, yes, no] };

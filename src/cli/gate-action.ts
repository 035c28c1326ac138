/** The work behind `gate`; loaded only when it runs. */

import { fail } from "../base/errors.ts";
import { modelNames } from "../db/names.ts";
import { type Life, readPipeline, withLife } from "../life/context.ts";
import { meetGate } from "../life/judge.ts";
import { type Input, text } from "./command.ts";
import type { Io } from "./io.ts";
import { triggerOf, verdictText, waitOf } from "./run-actions.ts";

export async function gateCommand(io: Io, input: Input, wanted: number | undefined): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file: text(input.options.file)!, env: io.env });
  const met = await withLife({ root: pipeline.root, env: io.env }, async (life) =>
    meetGate(life, pipeline, {
      version: wanted ?? (await newestOf(life, pipeline.model)),
      again: input.options.again === true,
      deploy: input.options.deploy === true,
      trigger: triggerOf(text(input.options.trigger)),
      reason: text(input.options.reason)!,
      waitMs: waitOf(text(input.options.wait)),
      onStage: (stage) => io.progress(`${stage}…`),
    }),
  );
  io.progressDone();
  io.data(met, () => {
    const { version, verdict, deployment, waits } = met;
    const deployed = deployment ? [`${io.paint.green("deployed")} version ${version} as ${deployment.id}`] : [];
    return [
      `version ${version}`,
      verdictText(io, verdict),
      ...deployed,
      ...(waits ? [io.paint.yellow(waits)] : []),
    ].join("\n");
  });
  return met.verdict.pass ? 0 : 3;
}

async function newestOf(life: Life, model: string): Promise<number> {
  const versions = (await modelNames(life.db)).includes(model) ? await life.registry.listVersions(model) : [];
  const newest = versions.at(-1);
  if (newest) return newest.version;
  throw fail("NOT_FOUND", { what: `${model} has no version`, mend: "trimtab run" });
}

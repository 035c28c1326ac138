/** What would run and why, what serves, and whether everything is sound. */

import { runOptions } from "../../../life/cycle.ts";
import { examine } from "../../../life/doctor.ts";
import { statusOf } from "../../../life/status.ts";
import { runPipeline } from "../../../pipeline/run.ts";
import { whyStep } from "../../../pipeline/why.ts";
import { AnyObject, allOf, flag, listOf, many, Params, pipelineWith, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

export const statusRoutes: Routes = [
  {
    method: "get",
    path: "/status",
    summary: "What would run, what serves now, what needs attention",
    tag: "status",
    cli: ["status"],
    answer: listOf("pipelines"),
    handle: async (context) => {
      const pipelines = await context.pipelines();
      return { pipelines: await Promise.all(pipelines.map((pipeline) => statusOf(context.life, pipeline))) };
    },
  },
  {
    method: "get",
    path: "/doctor",
    summary: "Whether the program, the database, the journal and the published files are sound",
    tag: "status",
    cli: ["doctor"],
    answer: listOf("findings"),
    handle: async ({ life }) => ({ findings: await examine(life.workspace.root, life.env) }),
  },
  {
    method: "get",
    path: "/models/{name}/plan",
    summary: "The steps that would run now, each with its reason; with other params it takes an editor",
    tag: "status",
    cli: ["run --dry-run"],
    query: z.object({ ...Params.shape, step: many, force: flag }),
    answer: listOf("plan"),
    handle: async (context, input) => {
      const pipeline = await pipelineWith(context, input);
      const only = allOf(input.query.step);
      const options = { force: input.query.force === "true", ...(only.length > 0 ? { only } : {}) };
      const { plan } = await runPipeline(pipeline, {
        ...(await runOptions(context.life, pipeline, options)),
        dryRun: true,
      });
      return { plan };
    },
  },
  {
    method: "get",
    path: "/models/{name}/steps/{step}/why",
    summary: "Why a step would run or not: every part of its key that differs; with other params it takes an editor",
    tag: "status",
    cli: ["why"],
    query: Params,
    answer: AnyObject,
    handle: async (context, input) => {
      const pipeline = await pipelineWith(context, input);
      return whyStep(pipeline, input.params.step!, await runOptions(context.life, pipeline));
    },
  },
];

/** Data: its checks, its profile, and how what is kept by content stands. Only what pipelines name is read. */

import { toGreatExpectations } from "../../../data/checks/great-expectations.ts";
import { checkData, profileNamed } from "../../../life/inspect.ts";
import { collectData, dataStates } from "../../../life/tracked.ts";
import { AnyObject, listOf, pipelineOf, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

export const dataRoutes: Routes = [
  {
    method: "get",
    path: "/models/{name}/validation",
    summary: "The pipeline's data held against its expectations now; as=great-expectations for that program's JSON",
    tag: "data",
    cli: ["validate", "validate --great-expectations"],
    query: z.object({ as: z.enum(["trimtab", "great-expectations"]).default("trimtab") }),
    answer: z.object({ pipeline: z.string(), reports: z.array(AnyObject) }),
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input);
      const reports = await context.look((life) => checkData(life, pipeline));
      if (input.query.as === "trimtab") return { pipeline: pipeline.model, reports };
      const theirs = reports.map(({ step, report }) =>
        toGreatExpectations(report, { suiteName: `${pipeline.model}.${step}` }),
      );
      return { pipeline: pipeline.model, reports: theirs };
    },
  },
  {
    method: "get",
    path: "/models/{name}/data/{data}/profile",
    summary: "What is in one of the pipeline's data sources: types, nulls, ranges, distinct values",
    tag: "data",
    cli: ["profile"],
    answer: AnyObject,
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input);
      return context.look((life) => profileNamed(life, pipeline, input.params.data!));
    },
  },
  {
    method: "get",
    path: "/data",
    summary: "How the data that is kept by content stands against its pointers",
    tag: "data",
    cli: ["data status"],
    answer: listOf("states"),
    handle: async ({ life }) => ({ states: await dataStates(life) }),
  },
  {
    method: "get",
    path: "/data/garbage",
    summary: "How much of the cache no pointer and no step's record names",
    tag: "data",
    cli: ["data gc --dry-run"],
    answer: AnyObject,
    handle: async ({ life }) => ({ ...(await collectData(life, true)), dryRun: true }),
  },
];

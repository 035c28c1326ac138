/** Registered models and their versions: verdicts, features, lineage. */

import { saidOf } from "../../../life/gate.ts";
import { featuresOf } from "../../../life/inspect.ts";
import { lineageOf, modelViews, versionViews } from "../../../life/views.ts";
import { AnyObject, listOf, type Routes, versionNumber } from "../context.ts";
import { z } from "../openapi.ts";

export const modelRoutes: Routes = [
  {
    method: "get",
    path: "/models",
    summary: "Registered models with their aliases",
    tag: "models",
    cli: ["models list"],
    answer: listOf("models"),
    handle: async ({ life }) => ({ models: await modelViews(life) }),
  },
  {
    method: "get",
    path: "/models/{name}/versions",
    summary: "A model's versions, newest first, with metrics and verdicts",
    tag: "models",
    cli: ["models show"],
    answer: listOf("versions"),
    handle: async ({ life }, input) => ({ versions: await versionViews(life, input.params.name!) }),
  },
  {
    method: "get",
    path: "/models/{name}/versions/{version}/lineage",
    summary: "What a version was made from: run, Git commit, data, parameters",
    tag: "models",
    cli: ["models lineage"],
    answer: AnyObject,
    handle: ({ life }, input) => lineageOf(life, input.params.name!, versionNumber(input)),
  },
  {
    method: "get",
    path: "/models/{name}/versions/{version}/gate",
    summary: "The gate's verdict on a version: every rule, both figures, the margin; null when it has not met the gate",
    tag: "models",
    cli: ["gate"],
    answer: z.object({ version: z.number(), verdict: AnyObject.nullable() }),
    handle: ({ life }, input) => saidOf(life, input.params.name!, versionNumber(input)),
  },
  {
    method: "get",
    path: "/models/{name}/versions/{version}/features",
    summary: "The features of a version and the inputs they are computed from",
    tag: "models",
    cli: ["features"],
    answer: AnyObject,
    handle: ({ life }, input) => featuresOf(life, input.params.name!, versionNumber(input)),
  },
  {
    method: "get",
    path: "/models/{name}/features",
    summary: "The same of the version that serves",
    tag: "models",
    cli: ["features"],
    answer: AnyObject,
    handle: ({ life }, input) => featuresOf(life, input.params.name!),
  },
];

/** Live windows, and the jobs that come of them. */

import { fail } from "../../../base/errors.ts";
import { listJobs } from "../../../db/jobs.ts";
import { queueRun } from "../../../life/jobs.ts";
import { windowViews } from "../../../life/windows.ts";
import { Limited, limitOf, listOf, pipelineOf, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

export const monitorRoutes: Routes = [
  {
    method: "get",
    path: "/models/{name}/windows",
    summary: "Live windows with drift scores, live metrics and verdicts",
    tag: "monitor",
    cli: ["drift"],
    query: Limited,
    answer: listOf("windows"),
    handle: async ({ life }, input) => ({ windows: await windowViews(life, input.params.name!, limitOf(input)) }),
  },
  {
    method: "post",
    path: "/monitor/check",
    summary: "Judge the live windows now",
    tag: "monitor",
    cli: ["drift"],
    body: z.object({}),
    answer: z.object({ judged: z.number() }),
    handle: async (context) => ({ judged: await context.checkNow() }),
  },
  {
    method: "get",
    path: "/jobs",
    summary: "Background jobs, newest first",
    tag: "jobs",
    query: Limited,
    answer: listOf("jobs"),
    handle: async ({ life }, input) => ({ jobs: await listJobs(life.db, limitOf(input)) }),
  },
  {
    method: "post",
    path: "/models/{name}/retrain",
    summary: "Queue a retraining; the webhook trigger",
    tag: "jobs",
    body: z.object({ reason: z.string().default("by webhook"), key: z.string().max(200).optional() }),
    answer: z.object({ job: z.string().optional(), repeated: z.boolean() }),
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input);
      if (!pipeline.retrain.when.webhook)
        throw fail("INVALID", {
          what: "retrain.when does not list webhook",
          place: pipeline.file,
          mend: "add webhook to retrain.when",
        });
      const { reason, key } = input.body as { reason: string; key?: string };
      const onceKey = `webhook:${pipeline.model}:${key ?? crypto.randomUUID()}`;
      const job = await queueRun(context.life, { pipeline: pipeline.model, trigger: "webhook", reason, onceKey });
      context.wake();
      return { ...(job ? { job } : {}), repeated: job === undefined };
    },
  },
];

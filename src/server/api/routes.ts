/** /api/v1: everything that the CLI shows, and the few things it does. Each route is one line of meaning over src/life. */

import { fail } from "../../base/errors.ts";
import { listEvents, verifyJournal } from "../../db/events.ts";
import { listJobs } from "../../db/jobs.ts";
import { abort, approve, listApprovals } from "../../life/approval.ts";
import { actingAs, type Life } from "../../life/context.ts";
import { deployByHand, runOptions } from "../../life/cycle.ts";
import { rollBack } from "../../life/deploy.ts";
import { examine } from "../../life/doctor.ts";
import { queueRun } from "../../life/jobs.ts";
import { statusOf } from "../../life/status.ts";
import { compareView, lineageOf, modelViews, runView, runViews, versionViews } from "../../life/views.ts";
import { windowViews } from "../../life/windows.ts";
import { whyStep } from "../../pipeline/why.ts";
import { deploymentHistory } from "../../serving/deployment.ts";
import type { Pipeline } from "../../spec/types.ts";
import { requireAdmin } from "../access/guard.ts";
import { type ApiInput, type ApiRoute, z } from "./openapi.ts";

/** What the routes work with: the open workspace and the pipelines that this server looks after. */
export interface ApiContext {
  life: Life;
  /** Read anew when the file changed. */
  pipelines(): Promise<Pipeline[]>;
  /** Judges the live windows now; resolves to how many were judged. */
  checkNow(): Promise<number>;
  /** Wakes the job loop. */
  wake(): void;
}

const limit = z.coerce.number().int().min(1).max(10_000).optional();
const Limited = z.object({ limit });
const AnyObject = z.object({}).loose();
const Said = z.object({ version: z.number().int().min(1).optional(), reason: z.string().default("by API") });

/** The workspace, with who asks for the journal. */
const asker = ({ life }: ApiContext, { identity }: ApiInput): Life => actingAs(life, identity?.name ?? "api");

/** A person's yes or no to the version that waits. */
async function say(
  act: typeof approve | typeof abort,
  context: ApiContext,
  input: ApiInput,
): Promise<Awaited<ReturnType<typeof act>>> {
  const pipeline = await pipelineOf(context, input.params.name!);
  requireAdmin(input.identity, pipeline.model);
  return act(asker(context, input), pipeline, input.body as { version?: number; reason: string });
}

async function pipelineOf(context: ApiContext, name: string): Promise<Pipeline> {
  const all = await context.pipelines();
  const found = all.find((pipeline) => pipeline.model === name);
  if (found) return found;
  throw fail("NOT_FOUND", {
    what: `no pipeline here makes ${name}`,
    mend: `known: ${all.map((p) => p.model).join(", ") || "none"}`,
  });
}

const limitOf = (input: ApiInput): { limit?: number } =>
  input.query.limit === undefined ? {} : { limit: input.query.limit as number };

export const API_ROUTES: readonly ApiRoute<ApiContext>[] = [
  {
    method: "get",
    path: "/status",
    summary: "What would run, what serves now, what needs attention",
    tag: "status",
    answer: z.object({ pipelines: z.array(AnyObject) }),
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
    answer: z.object({ findings: z.array(AnyObject) }),
    handle: async ({ life }) => ({ findings: await examine(life.workspace.root, life.env) }),
  },
  {
    method: "get",
    path: "/models/{name}/steps/{step}/why",
    summary: "Why a step would run or not: every part of its key that differs",
    tag: "status",
    answer: AnyObject,
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input.params.name!);
      return whyStep(pipeline, input.params.step!, await runOptions(context.life, pipeline));
    },
  },
  {
    method: "get",
    path: "/runs",
    summary: "Runs, newest first",
    tag: "runs",
    query: Limited,
    answer: z.object({ runs: z.array(AnyObject) }),
    handle: async ({ life }, input) => ({ runs: await runViews(life, limitOf(input)) }),
  },
  {
    method: "get",
    path: "/runs/compare",
    summary: "What differs between runs",
    tag: "runs",
    query: z.object({ id: z.union([z.string(), z.array(z.string())]) }),
    answer: AnyObject,
    handle: async ({ life }, input) => compareView(life, [input.query.id].flat() as string[]),
  },
  {
    method: "get",
    path: "/runs/{id}",
    summary: "One run with its params, metrics and tags",
    tag: "runs",
    answer: AnyObject,
    handle: ({ life }, input) => runView(life, input.params.id!),
  },
  {
    method: "get",
    path: "/models",
    summary: "Registered models",
    tag: "models",
    answer: z.object({ models: z.array(AnyObject) }),
    handle: async ({ life }) => ({ models: await modelViews(life) }),
  },
  {
    method: "get",
    path: "/models/{name}/versions",
    summary: "A model's versions, newest first, with metrics and verdicts",
    tag: "models",
    answer: z.object({ versions: z.array(AnyObject) }),
    handle: async ({ life }, input) => ({ versions: await versionViews(life, input.params.name!) }),
  },
  {
    method: "get",
    path: "/models/{name}/versions/{version}/lineage",
    summary: "What a version was made from: run, Git commit, data, parameters",
    tag: "models",
    answer: AnyObject,
    handle: ({ life }, input) => lineageOf(life, input.params.name!, versionNumber(input)),
  },
  {
    method: "get",
    path: "/models/{name}/windows",
    summary: "Live windows with drift scores, live metrics and verdicts",
    tag: "monitor",
    query: Limited,
    answer: z.object({ windows: z.array(AnyObject) }),
    handle: async ({ life }, input) => ({
      windows: await windowViews(life, input.params.name!, limitOf(input)),
    }),
  },
  {
    method: "get",
    path: "/models/{name}/deployments",
    summary: "Deployments, newest first",
    tag: "deployments",
    answer: z.object({ deployments: z.array(AnyObject) }),
    handle: async ({ life }, input) => ({
      deployments: await deploymentHistory(life.workspace.deploy, input.params.name!),
    }),
  },
  {
    method: "post",
    path: "/models/{name}/deployments",
    summary: "Deploy a version that met the gate",
    tag: "deployments",
    body: z.object({
      version: z.number().int().min(1),
      reason: z.string().default("by API"),
      force: z.boolean().default(false),
    }),
    answer: AnyObject,
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input.params.name!);
      // To deploy is to say yes.
      if (pipeline.deploy.approve) requireAdmin(input.identity, pipeline.model);
      const body = input.body as { version: number; reason: string; force: boolean };
      return deployByHand(asker(context, input), pipeline, body);
    },
  },
  {
    method: "get",
    path: "/models/{name}/rollout",
    summary: "Versions that needed a person's yes, newest first, and who said what",
    tag: "deployments",
    answer: z.object({ approvals: z.array(AnyObject) }),
    handle: async ({ life }, input) => ({ approvals: await listApprovals(life, input.params.name!) }),
  },
  {
    method: "post",
    path: "/models/{name}/rollout/approve",
    summary: "Say yes to the version that waits, as an admin of the model: it is deployed",
    tag: "deployments",
    body: Said,
    answer: AnyObject,
    handle: (context, input) => say(approve, context, input),
  },
  {
    method: "post",
    path: "/models/{name}/rollout/abort",
    summary: "Say no to the version that waits, as an admin of the model: it does not ask again",
    tag: "deployments",
    body: Said,
    answer: AnyObject,
    handle: (context, input) => say(abort, context, input),
  },
  {
    method: "post",
    path: "/models/{name}/rollback",
    summary: "Serve the deployment before the current one, or a named one",
    tag: "deployments",
    body: z.object({ to: z.string().optional(), reason: z.string().default("by API") }),
    answer: AnyObject,
    handle: async (context, input) =>
      rollBack(asker(context, input), input.params.name!, input.body as { to?: string; reason: string }),
  },
  {
    method: "post",
    path: "/monitor/check",
    summary: "Judge the live windows now",
    tag: "monitor",
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
    answer: z.object({ jobs: z.array(AnyObject) }),
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
      const pipeline = await pipelineOf(context, input.params.name!);
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
  {
    method: "get",
    path: "/events",
    summary: "The journal: everything that happened, to what, by whom, why",
    tag: "journal",
    query: z.object({
      limit,
      subject: z.string().optional(),
      kind: z.string().optional(),
      after: z.coerce.number().int().optional(),
    }),
    answer: z.object({ events: z.array(AnyObject) }),
    handle: async ({ life }, input) => {
      const { subject, kind, after } = input.query as { subject?: string; kind?: string; after?: number };
      const filter = {
        ...limitOf(input),
        ...(subject ? { subject } : {}),
        ...(kind ? { kind } : {}),
        ...(after ? { afterSeq: after } : {}),
      };
      return { events: await listEvents(life.db, filter) };
    },
  },
  {
    method: "get",
    path: "/journal/verify",
    summary: "Recompute the journal's hash chain",
    tag: "journal",
    answer: z.object({ events: z.number(), brokenAtSeq: z.number().optional() }),
    handle: ({ life }) => verifyJournal(life.db),
  },
];

function versionNumber(input: ApiInput): number {
  const version = Number(input.params.version);
  if (Number.isInteger(version) && version > 0) return version;
  throw fail("INVALID", { what: `"${input.params.version}" is not a version number`, place: "version" });
}

/** Deployments, and the yes that a version may need before one. */

import { abort, approve, rolloutOf } from "../../../life/approval.ts";
import { deployByHand } from "../../../life/cycle.ts";
import { rollBack } from "../../../life/deploy.ts";
import { deploymentHistory } from "../../../serving/deployment.ts";
import { requireRoleIn } from "../../access/guard.ts";
import { AnyObject, type ApiContext, asker, listOf, pipelineOf, type Routes } from "../context.ts";
import { type ApiInput, z } from "../openapi.ts";

const reason = z.string().default("by API");
const Said = z.object({ version: z.number().int().min(1).optional(), reason });

/** A person's yes or no to the version that waits. */
async function say(act: typeof approve | typeof abort, context: ApiContext, input: ApiInput) {
  const pipeline = await pipelineOf(context, input);
  return act(asker(context, input), pipeline, input.body as { version?: number; reason: string });
}

export const deploymentRoutes: Routes = [
  {
    method: "get",
    path: "/models/{name}/deployments",
    summary: "Deployments, newest first",
    tag: "deployments",
    cli: ["deployments"],
    answer: listOf("deployments"),
    handle: async ({ life }, input) => ({
      deployments: await deploymentHistory(life.workspace.deploy, input.params.name!),
    }),
  },
  {
    method: "post",
    path: "/models/{name}/deployments",
    summary:
      "Deploy a version that met the gate; with deploy.approve that takes an admin, because to deploy is to say yes",
    tag: "deployments",
    cli: ["deploy"],
    body: z.object({ version: z.number().int().min(1), reason, force: z.boolean().default(false) }),
    answer: AnyObject,
    handle: async (context, input) => {
      const pipeline = await pipelineOf(context, input);
      if (pipeline.deploy.approve) requireRoleIn(input.identity, "admin", pipeline.model);
      const body = input.body as { version: number; reason: string; force: boolean };
      return deployByHand(asker(context, input), pipeline, body);
    },
  },
  {
    method: "post",
    path: "/models/{name}/rollback",
    summary: "Serve the deployment before the current one, or a named one",
    tag: "deployments",
    cli: ["rollback"],
    body: z.object({ to: z.string().optional(), reason }),
    answer: AnyObject,
    handle: async (context, input) =>
      rollBack(asker(context, input), input.params.name!, input.body as { to?: string; reason: string }),
  },
  {
    method: "get",
    path: "/models/{name}/rollout",
    summary: "Versions that needed a person's yes, newest first, and who said what",
    tag: "deployments",
    cli: ["rollout status"],
    answer: z.object({ model: z.string(), waiting: AnyObject.nullable(), approvals: z.array(AnyObject) }),
    handle: ({ life }, input) => rolloutOf(life, input.params.name!),
  },
  {
    method: "post",
    path: "/models/{name}/rollout/approve",
    summary: "Say yes to the version that waits: it is deployed",
    tag: "deployments",
    role: "admin",
    cli: ["rollout approve"],
    body: Said,
    answer: AnyObject,
    handle: (context, input) => say(approve, context, input),
  },
  {
    method: "post",
    path: "/models/{name}/rollout/abort",
    summary: "Say no to the version that waits: it does not ask again",
    tag: "deployments",
    role: "admin",
    cli: ["rollout abort"],
    body: Said,
    answer: AnyObject,
    handle: (context, input) => say(abort, context, input),
  },
];

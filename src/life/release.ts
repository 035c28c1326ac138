/** What follows a passed gate: the version is deployed, waits for a person's yes, or is left to a person. */

import { automationOn } from "../base/automation.ts";
import type { Deployment } from "../serving/deployment.ts";
import type { Pipeline } from "../spec/types.ts";
import { askForApproval } from "./approval.ts";
import { leaveToPerson } from "./automation.ts";
import type { Life } from "./context.ts";
import { deploy } from "./deploy.ts";

export interface Released {
  deployment?: Deployment;
  /** What holds it back, when it is not deployed. */
  waits?: string;
}

/** Deploys, asks or leaves it, as pipeline and switches say; each is in the journal. */
export async function release(
  life: Life,
  pipeline: Pipeline,
  asked: { version: number; reason: string },
): Promise<Released> {
  const { version } = asked;
  if (pipeline.deploy.approve) return { waits: await askForApproval(life, pipeline, asked) };
  if (automationOn(life.env, "deploy")) return { deployment: await deploy(life, pipeline, asked) };
  const waits = `version ${version} met the gate and waits to be deployed`;
  await leaveToPerson(life, `model/${pipeline.model}/${version}`, waits, `deploy:${version}`);
  return { waits };
}

/** What follows a passed gate: the version is deployed, or left to a person. */

import { automationOn } from "../base/automation.ts";
import type { Deployment } from "../serving/deployment.ts";
import type { Pipeline } from "../spec/types.ts";
import { leaveToPerson } from "./automation.ts";
import type { Life } from "./context.ts";
import { deploy } from "./deploy.ts";

/** The deployment that was made; undefined when it waits for a person, as the journal then says. */
export async function release(
  life: Life,
  pipeline: Pipeline,
  asked: { version: number; reason: string },
): Promise<Deployment | undefined> {
  const { version } = asked;
  if (automationOn(life.env, "deploy")) return deploy(life, pipeline, asked);
  const waits = `version ${version} met the gate and waits to be deployed`;
  await leaveToPerson(life, `model/${pipeline.model}/${version}`, waits, `deploy:${version}`);
  return undefined;
}

/**
 * A person's yes, where `deploy.approve` is true. What passed the gate waits; the journal says who said what.
 *
 *   passed ──▶ waiting ──yes──▶ approved ──▶ deployed; waiting again when that fails
 *                 ├──no──▶ refused: it does not ask again
 *                 └──a newer one passes──▶ superseded
 *
 * Whoever works on this machine may say it by the command; through the server an admin of the model may.
 */

import { asTrimtabError, fail } from "../base/errors.ts";
import { type Approval, type ApprovalState, approvalsOf, decideApproval, putWaiting } from "../db/approvals.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { currentDeployment, type Deployment } from "../serving/deployment.ts";
import type { Pipeline } from "../spec/types.ts";
import { alertAll } from "./alerts.ts";
import type { Life } from "./context.ts";
import { deploy } from "./deploy.ts";
import { wasLive } from "./settle.ts";

const waitingOf = (all: readonly Approval[]): Approval | undefined => all.find((one) => one.state === "waiting");

/** The version that waits for a yes; at most one does. */
export const waitingFor = async (life: Life, model: string): Promise<Approval | undefined> =>
  waitingOf(await approvalsOf(life.db, model));

/** Every version of the model that a yes was ever asked for, newest first, and the one that waits. */
export async function rolloutOf(
  life: Life,
  model: string,
): Promise<{ model: string; waiting: Approval | null; approvals: Approval[] }> {
  const approvals = await approvalsOf(life.db, model);
  return { model, waiting: waitingOf(approvals) ?? null, approvals };
}

const KINDS: Record<ApprovalState, string> = {
  waiting: "approval.asked",
  approved: "approval.given",
  refused: "approval.refused",
  superseded: "approval.superseded",
};

async function setState(
  sql: Sql,
  life: Life,
  { name, version }: Pick<Approval, "name" | "version">,
  state: ApprovalState,
  why: string,
): Promise<void> {
  const nowMs = life.clock.nowMs();
  if (state === "waiting") await putWaiting(sql, { name, version, reason: why }, nowMs);
  else await decideApproval(sql, { name, version }, { state, by: life.actor, why }, nowMs);
  const subject = `model/${name}/${version}`;
  await appendEvent(sql, { kind: KINDS[state], subject, actor: life.actor, reason: why }, nowMs);
}

/**
 * Asks for a yes, once; older ones that wait are superseded. Resolves to what holds the version back: that it waits, or that
 * somebody said no before.
 */
export async function askForApproval(
  life: Life,
  pipeline: Pipeline,
  { version, reason }: { version: number; reason: string },
): Promise<string> {
  const { model } = pipeline;
  const before = await life.db.write(async (sql) => {
    const all = await approvalsOf(sql, model);
    const known = all.find((one) => one.version === version);
    if (known?.state === "waiting" || known?.state === "refused") return known;
    const other = waitingOf(all);
    if (other && other.version > version) return other;
    if (other) await setState(sql, life, other, "superseded", `version ${version} passed the gate too`);
    await setState(sql, life, { name: model, version }, "waiting", reason);
    return undefined;
  });
  if (before?.state === "refused") return `${before.decidedBy} said no to version ${version}: ${before.decidedWhy}`;
  if (before && before.version !== version) return `version ${before.version}, which is newer, waits for a yes`;
  const waits = `version ${version} passed the gate and waits for a person's yes`;
  if (!before)
    await alertAll(life, pipeline, {
      text: `${model}: ${waits}: trimtab rollout approve ${version}`,
      occasion: `approval ${model}/${version}`,
      trigger: "approval",
      facts: { model, version, reason },
    });
  return waits;
}

/** Decides about the version that is named, or the one that waits. NOT_FOUND when it is in none of the states. */
const settle = (
  life: Life,
  model: string,
  said: { version?: number | undefined; reason: string },
  from: readonly ApprovalState[],
  to: ApprovalState,
): Promise<Approval> =>
  life.db.write(async (sql) => {
    const all = await approvalsOf(sql, model);
    const { version } = said;
    const found = version === undefined ? waitingOf(all) : all.find((one) => one.version === version);
    if (!found || !from.includes(found.state)) {
      const what = `version ${version} does not wait${found ? ` (${found.state})` : ""}`;
      throw fail("NOT_FOUND", {
        what: version === undefined ? `no version of ${model} waits for a yes` : what,
        mend: "see trimtab rollout status",
      });
    }
    await setState(sql, life, found, to, said.reason);
    return found;
  });

/** What was approved and could not be deployed waits again, unless a newer one does by now. */
const giveBack = (life: Life, approval: Approval, why: string): Promise<void> =>
  life.db.write(async (sql) => {
    const other = waitingOf(await approvalsOf(sql, approval.name));
    await setState(sql, life, approval, other ? "superseded" : "waiting", why);
  });

/**
 * Yes: the version is deployed. NOT_FOUND, and what deploying throws; then it waits again. One that was approved by a process that
 * died before it deployed is approved again.
 */
export async function approve(
  life: Life,
  pipeline: Pipeline,
  said: { version?: number | undefined; reason: string },
): Promise<Deployment> {
  const { model } = pipeline;
  const cutShort = said.version !== undefined && !(await wasLive(life, model, said.version));
  const approval = await settle(life, model, said, cutShort ? ["waiting", "approved"] : ["waiting"], "approved");
  const { version } = approval;
  try {
    return await deploy(life, pipeline, { version, reason: `approved by ${life.actor}: ${said.reason}` });
  } catch (error) {
    await giveBack(life, approval, `it could not be deployed: ${asTrimtabError(error).message}`);
    throw error;
  }
}

/** A version that a person deployed by hand does not wait any more. */
export async function settleYes(life: Life, { model }: Pipeline, version: number, why: string): Promise<void> {
  await life.db.write(async (sql) => {
    const known = (await approvalsOf(sql, model)).find((one) => one.version === version);
    if (known?.state === "waiting") await setState(sql, life, known, "approved", why);
  });
}

/** No: the version does not ask again. NOT_FOUND when it does not wait. */
export async function abort(
  life: Life,
  { model }: Pipeline,
  said: { version?: number | undefined; reason: string },
): Promise<Approval> {
  const { version } = await settle(life, model, said, ["waiting"], "refused");
  return (await approvalsOf(life.db, model)).find((one) => one.version === version)!;
}

/**
 * What a client may call the champion, or move to Production: with `approve` only the version that serves, which is the one
 * that was approved. APPROVAL_NEEDED. `version`: undefined takes the name away.
 */
export async function checkClaim(life: Life, pipeline: Pipeline, version: number | undefined): Promise<void> {
  if (!pipeline.deploy.approve) return;
  const deployment = await currentDeployment(life.workspace.deploy, pipeline.model);
  if (version !== undefined && deployment?.models.some((served) => served.version === version)) return;
  throw fail("APPROVAL_NEEDED", {
    what:
      version === undefined
        ? `the champion of ${pipeline.model} is the version that serves`
        : `version ${version} of ${pipeline.model} does not serve: with deploy.approve that takes a person's yes`,
    place: `${pipeline.file} deploy.approve`,
  });
}

/**
 * What a process that died in the middle of a deployment leaves to be settled. The link `current` is the truth of what
 * serves; the journal and the champion's alias are written after it and may lag behind.
 *
 *   manifest published ─▶ current swapped ─▶ journal ─▶ alias
 *        dead here: never live        dead here: settled by the next run
 */

import { log } from "../base/log.ts";
import { type Event, listEvents } from "../db/events.ts";
import { currentDeployment, type Deployment, deploymentHistory } from "../serving/deployment.ts";
import type { Life } from "./context.ts";
import { CHAMPION, journal } from "./deploy.ts";

/** More than a model is ever deployed. */
const EVENTS_MAX = 100_000;

const deploymentEvents = async (life: Life, model: string): Promise<Event[]> => {
  const subject = `model/${model}`;
  const kinds = ["deployment.made", "deployment.rolled_back"];
  return (await Promise.all(kinds.map((kind) => listEvents(life.db, { kind, subject, limit: EVENTS_MAX })))).flat();
};

/** Whether the version ever took traffic. A manifest alone does not say so: its process may have died before the swap. */
export async function wasLive(life: Life, model: string, version: number): Promise<boolean> {
  const history = await deploymentHistory(life.workspace.deploy, model);
  const holding = history.filter((deployment) => deployment.models.some((served) => served.version === version));
  if (holding.some((deployment) => deployment.current)) return true;
  if (holding.length === 0) return false;
  const ids = new Set(holding.map((deployment) => deployment.id));
  return (await deploymentEvents(life, model)).some(
    ({ data }) => ids.has(String(data.to)) || ids.has(String(data.from)),
  );
}

/** Brings the journal and the champion's alias up to what serves. Cheap when there is nothing to do. */
export async function settleDeployment(life: Life, model: string): Promise<void> {
  const current = await currentDeployment(life.workspace.deploy, model).catch(() => undefined);
  if (!current) return;
  const champion = current.models.reduce((a, b) => (b.weight > a.weight ? b : a)).version;
  const isRegistered = await life.registry.getVersion(model, champion).then(
    () => true,
    () => false,
  );
  if (!isRegistered) return;
  const holder = await life.registry.getByAlias(model, CHAMPION);
  if (holder?.version === champion) return;
  log.warn("a deployment was cut short and is settled", { model, id: current.id, version: champion });
  if (!(await isInJournal(life, current)))
    await journal(life, { ...current, type: "deployed", from: current.previous, to: current.id });
  await life.registry.setAlias(model, CHAMPION, champion, { actor: life.actor, reason: "it serves" });
}

const isInJournal = async (life: Life, { model, id }: Deployment): Promise<boolean> =>
  (await deploymentEvents(life, model)).some(({ data }) => data.to === id);

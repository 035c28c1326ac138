/** The switch of every automation: TRIMTAB_AUTOMATE_<NAME>=false leaves its decision to a person, and says so in the journal. */

import { listEvents } from "../db/events.ts";
import type { Life } from "./context.ts";

export type Automation = "retrain" | "deploy";

/** On unless the environment says false, 0, no or off. */
export const automationOn = (env: Record<string, string | undefined>, name: Automation): boolean =>
  !/^(false|0|no|off)$/i.test(env[`TRIMTAB_AUTOMATE_${name.toUpperCase()}`] ?? "");

/** Records what would have been done; with a `key` once, however often the cause is seen. */
export async function leaveToPerson(life: Life, subject: string, reason: string, key?: string): Promise<void> {
  const kind = "automation.left_to_person";
  if (key !== undefined) {
    const before = await listEvents(life.db, { kind, subject, limit: 100 });
    if (before.some((event) => event.data.key === key)) return;
  }
  await life.event({ kind, subject, reason, data: key === undefined ? {} : { key } });
}

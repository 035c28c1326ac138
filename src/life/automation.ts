/** What an automation that is switched off would have done, in the journal for a person. */

import { listEvents } from "../db/events.ts";
import type { Life } from "./context.ts";

/** Records what would have been done; with a `key` once, however often the cause is seen. */
export async function leaveToPerson(life: Life, subject: string, reason: string, key?: string): Promise<void> {
  const kind = "automation.left_to_person";
  if (key !== undefined) {
    const before = await listEvents(life.db, { kind, subject, limit: 100 });
    if (before.some((event) => event.data.key === key)) return;
  }
  await life.event({ kind, subject, reason, data: key === undefined ? {} : { key } });
}

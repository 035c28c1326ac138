/** The registry's lines in the journal, written in the transaction that they are about. */

import type { Clock } from "../base/clock.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import type { Who } from "./types.ts";

/** `subject` is a model's name, or "name/version". */
export const journal = (
  sql: Sql,
  clock: Clock,
  kind: string,
  subject: string,
  who: Who | undefined,
  data?: Record<string, unknown>,
): Promise<void> =>
  appendEvent(
    sql,
    {
      kind,
      subject: `model/${subject}`,
      actor: who?.actor ?? "local",
      reason: who?.reason ?? "",
      ...(data ? { data } : {}),
    },
    clock.nowMs(),
  );

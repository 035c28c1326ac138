/**
 * Webhooks follow the journal: each has a cursor, and what is after it and meets its patterns becomes a delivery, in the same
 * transaction that moves the cursor, so nothing is lost while the server is down. At least once: a receiver tells repetitions
 * by the delivery's id.
 *
 *   pending ──2xx──▶ done
 *    ▲   │
 *    └───┴─ no answer or another: again after a wait that doubles; after 8 tries, or when the address may not be called ──▶ failed
 *
 * Every receiver is told at its own pace: one that hangs does not hold up the others.
 */

import { asTrimtabError } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Db } from "../../db/db.ts";
import { type Event, listEvents } from "../../db/events.ts";
import * as rows from "../../db/webhooks.ts";
import { meets } from "./payload.ts";
import { createSender, isDone, type SenderOptions } from "./sender.ts";

const ATTEMPTS = 8;
const FIRST_WAIT_MS = 10_000;
/** While a delivery is under way nobody else tries it; longer than an answer is waited for. */
const LEASE_MS = 60_000;
const AT_ONCE = 16;
const EVENTS_AT_ONCE = 200;
/** How long the log keeps what is settled. */
const LOG_MS = 30 * 86_400_000;

export interface Deliveries {
  /** One look: new events become deliveries, and receivers for which something is due and that are not busy are told. */
  look(): Promise<void>;
  /** Resolves when nobody is being told any more. */
  settled(): Promise<void>;
  /** What is under way is broken off and will be tried again. */
  stop(): Promise<void>;
}

export function createDeliveries(options: SenderOptions & { db: Db }): Deliveries {
  const { db, clock } = options;
  const sender = createSender(options);
  const stopping = new AbortController();
  const busy = new Map<string, Promise<void>>();

  /** Makes deliveries of what the journal holds after the cursor. */
  async function follow({ id }: rows.WebhookRow): Promise<void> {
    for (;;) {
      const webhook = await rows.webhookById(db, id);
      if (!webhook) return;
      const cursor = Number(webhook.cursor_seq);
      const events = await listEvents(db, { afterSeq: cursor, limit: EVENTS_AT_ONCE, oldest: true });
      if (events.length === 0) return;
      await db.write(async (sql) => {
        const now = await rows.webhookById(sql, id);
        // Another control process was here first.
        if (!now || Number(now.cursor_seq) !== cursor) return;
        const patterns = JSON.parse(now.events) as string[];
        const createdMs = clock.nowMs();
        for (const { seq, kind } of events.filter((one) => patterns.some((pattern) => meets(pattern, one.kind)))) {
          const made = { id: crypto.randomUUID(), webhook_id: id, event_seq: seq, kind, created_ms: createdMs };
          await rows.insertDelivery(sql, made);
        }
        await rows.moveCursor(sql, id, events.at(-1)!.seq);
      });
      if (events.length < EVENTS_AT_ONCE) return;
    }
  }

  async function settle(delivery: rows.DeliveryRow, status: number | null, error: string | null, refused = false) {
    const attempts = Number(delivery.attempts) + 1;
    const nowMs = clock.nowMs();
    const state = error === null ? "done" : refused || attempts >= ATTEMPTS ? "failed" : "pending";
    const next_ms = nowMs + FIRST_WAIT_MS * 2 ** (attempts - 1);
    const to = { state, attempts, next_ms, status, error, sent_ms: nowMs } as const;
    await db.write((sql) => rows.settleDelivery(sql, delivery.seq, to), "logged");
  }

  async function attempt(webhook: rows.WebhookRow, delivery: rows.DeliveryRow, event: Event): Promise<void> {
    try {
      const answer = await sender.send(webhook, delivery.id, event, stopping.signal);
      await settle(delivery, answer.status, isDone(answer) ? null : answer.text);
    } catch (error) {
      if (stopping.signal.aborted) {
        await db.write((sql) => rows.releaseDelivery(sql, delivery.seq, clock.nowMs()), "logged");
        return;
      }
      const { code, message } = asTrimtabError(error);
      await settle(delivery, null, message.slice(0, 300), code === "TARGET_REFUSED");
    }
  }

  /** Tells one receiver everything that is due. */
  async function tell(webhook: rows.WebhookRow): Promise<void> {
    while (!stopping.signal.aborted) {
      const nowMs = clock.nowMs();
      // Most looks find nothing, and then nothing is written.
      if (!(await rows.anyDue(db, webhook.id, nowMs))) return;
      const lease = { nowMs, untilMs: nowMs + LEASE_MS, limit: AT_ONCE };
      const due = await db.write((sql) => rows.takeDue(sql, webhook.id, lease));
      await Promise.all(
        due.map(async (delivery) => {
          const after = Number(delivery.event_seq) - 1;
          const [event] = await listEvents(db, { afterSeq: after, limit: 1, oldest: true });
          if (event) await attempt(webhook, delivery, event);
        }),
      );
      await db.write((sql) => rows.forgetDeliveries(sql, nowMs - LOG_MS), "logged");
    }
  }

  function begin(webhook: rows.WebhookRow): void {
    if (busy.has(webhook.id) || stopping.signal.aborted) return;
    const telling = tell(webhook)
      .catch((error: unknown) =>
        log.error("webhooks.failed", { webhook: webhook.id, error: asTrimtabError(error).oneLine() }),
      )
      .finally(() => busy.delete(webhook.id));
    busy.set(webhook.id, telling);
  }

  const settled = async () => {
    while (busy.size > 0) await Promise.all(busy.values());
  };

  return {
    async look() {
      for (const webhook of await rows.allWebhooks(db)) {
        if (Number(webhook.active) !== 1) continue;
        await follow(webhook);
        begin(webhook);
      }
    },
    settled,
    async stop() {
      stopping.abort();
      await settled();
    },
  };
}

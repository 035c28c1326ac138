/** Webhooks as people and MLflow's clients keep them: made, changed, tried out and deleted; what became of deliveries. */

import { asTrimtabError, fail } from "../../base/errors.ts";
import { randomId } from "../../base/hash.ts";
import { invalid } from "../../base/keys.ts";
import type { Db, Sql } from "../../db/db.ts";
import { appendEvent, lastEventSeq } from "../../db/events.ts";
import * as rows from "../../db/webhooks.ts";
import type { Who } from "../../tracking/types.ts";
import { exampleFor } from "./payload.ts";
import { createSender, isDone, type SenderOptions } from "./sender.ts";

export interface Webhook {
  id: string;
  name: string;
  url: string;
  description: string;
  /** Patterns over the journal's kinds. */
  events: string[];
  hasSecret: boolean;
  active: boolean;
  createdMs: number;
  updatedMs: number;
}

export interface WebhookChange {
  name?: string;
  url?: string;
  description?: string;
  events?: readonly string[];
  /** "$NAME" is an environment variable of the server. */
  secret?: string;
  active?: boolean;
}

export type NewWebhook = WebhookChange & { name: string; url: string; events: readonly string[] };

const webhookOf = (row: rows.WebhookRow): Webhook => ({
  id: row.id,
  name: row.name,
  url: row.url,
  description: row.description,
  events: JSON.parse(row.events) as string[],
  hasSecret: row.secret !== "",
  active: Number(row.active) === 1,
  createdMs: Number(row.created_ms),
  updatedMs: Number(row.updated_ms),
});

export interface Delivery {
  id: string;
  /** The event's number in the journal. */
  eventSeq: number;
  kind: string;
  state: rows.DeliveryRow["state"];
  attempts: number;
  /** Of the last answer; null when there was none. */
  status: number | null;
  error: string | null;
  createdMs: number;
  /** When it was last tried. */
  sentMs: number | null;
  /** When it is tried next; null when it is settled. */
  nextMs: number | null;
}

const deliveryOf = (row: rows.DeliveryRow): Delivery => ({
  id: row.id,
  eventSeq: Number(row.event_seq),
  kind: row.kind,
  state: row.state,
  attempts: Number(row.attempts),
  status: row.status === null ? null : Number(row.status),
  error: row.error,
  createdMs: Number(row.created_ms),
  sentMs: row.sent_ms === null ? null : Number(row.sent_ms),
  nextMs: row.state === "pending" ? Number(row.next_ms) : null,
});

export interface Tried {
  success: boolean;
  status?: number;
  text?: string;
  error?: string;
}

function checkEvents(events: readonly string[]): void {
  if (events.length === 0) throw invalid("A webhook needs at least one event");
  for (const event of events)
    if (!/^(\*|[a-z_]+\.(\*|[a-z_]+))$/.test(event))
      throw invalid(`"${event}" is not a pattern of events, as version.*`);
}

export function createWebhooks(options: SenderOptions & { db: Db }) {
  const { db, clock } = options;
  const sender = createSender(options);

  const note = (sql: Sql, kind: string, id: string, who: Who | undefined) =>
    appendEvent(
      sql,
      { kind, subject: `webhook/${id}`, actor: who?.actor ?? "local", reason: who?.reason ?? "" },
      clock.nowMs(),
    );

  async function mustFind(sql: Sql, id: string): Promise<rows.WebhookRow> {
    const row = await rows.webhookById(sql, id);
    if (!row) throw fail("NOT_FOUND", { what: `Webhook with ID ${id} not found.` });
    return row;
  }

  return {
    /** From now on it is told what happens; events before are not sent. TARGET_REFUSED, INVALID. */
    async createWebhook(made: NewWebhook, who?: Who): Promise<Webhook> {
      checkEvents(made.events);
      await sender.check(made.url);
      const nowMs = clock.nowMs();
      return db.write(async (sql) => {
        const row: rows.WebhookRow = {
          id: randomId(),
          name: made.name,
          url: made.url,
          description: made.description ?? "",
          events: JSON.stringify(made.events),
          secret: made.secret ?? "",
          active: made.active === false ? 0 : 1,
          cursor_seq: 0,
          created_ms: nowMs,
          updated_ms: nowMs,
        };
        await note(sql, "webhook.created", row.id, who);
        await rows.putWebhook(sql, { ...row, cursor_seq: await lastEventSeq(sql) });
        return webhookOf(row);
      });
    },

    listWebhooks: async (): Promise<Webhook[]> => (await rows.allWebhooks(db)).map(webhookOf),

    /** The whole id of the webhook whose id begins so; the text itself when it is not one alone. */
    async idOf(begin: string): Promise<string> {
      const found = (await rows.allWebhooks(db)).filter((row) => row.id.startsWith(begin));
      return found.length === 1 ? found[0]!.id : begin;
    },

    getWebhook: async (id: string): Promise<Webhook> => webhookOf(await mustFind(db, id)),

    /** Changes what is given. One that is made active again is told only what happens from then on. */
    async updateWebhook(id: string, change: WebhookChange, who?: Who): Promise<Webhook> {
      if (change.events) checkEvents(change.events);
      if (change.url) await sender.check(change.url);
      return db.write(async (sql) => {
        const row = await mustFind(sql, id);
        const active = change.active === undefined ? row.active : change.active ? 1 : 0;
        const woken = active === 1 && Number(row.active) === 0;
        const next: rows.WebhookRow = {
          ...row,
          name: change.name ?? row.name,
          url: change.url ?? row.url,
          description: change.description ?? row.description,
          events: change.events ? JSON.stringify(change.events) : row.events,
          secret: change.secret ?? row.secret,
          active,
          cursor_seq: woken ? await lastEventSeq(sql) : row.cursor_seq,
          updated_ms: clock.nowMs(),
        };
        await rows.putWebhook(sql, next);
        await note(sql, "webhook.changed", id, who);
        return webhookOf(next);
      });
    },

    async deleteWebhook(id: string, who?: Who): Promise<void> {
      await db.write(async (sql) => {
        await mustFind(sql, id);
        await rows.deleteWebhookRows(sql, id);
        await note(sql, "webhook.deleted", id, who);
      });
    },

    /** Sends a made-up event at once, outside the log: of that kind, or else of the first that the webhook asks for. */
    async testWebhook(id: string, kind?: string): Promise<Tried> {
      const row = await mustFind(db, id);
      const [first = "*"] = JSON.parse(row.events) as string[];
      const event = exampleFor(kind ?? first, clock.nowMs());
      try {
        const answer = await sender.send(row, crypto.randomUUID(), event, new AbortController().signal);
        return { success: isDone(answer), ...answer };
      } catch (error) {
        return { success: false, error: asTrimtabError(error).message };
      }
    },

    /** What became of what was sent, newest first. */
    async deliveries(id: string, limit = 100): Promise<Delivery[]> {
      await mustFind(db, id);
      return (await rows.deliveriesOf(db, id, limit)).map(deliveryOf);
    },
  };
}

export type Webhooks = ReturnType<typeof createWebhooks>;

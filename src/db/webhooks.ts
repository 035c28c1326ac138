/** Queries about webhooks and the log of their deliveries. */

import type { Sql } from "./db.ts";

export interface WebhookRow {
  id: string;
  name: string;
  url: string;
  description: string;
  events: string;
  secret: string;
  active: number;
  cursor_seq: number;
  created_ms: number;
  updated_ms: number;
}

export interface DeliveryRow {
  seq: number;
  id: string;
  webhook_id: string;
  event_seq: number;
  kind: string;
  state: "pending" | "done" | "failed";
  attempts: number;
  next_ms: number;
  status: number | null;
  error: string | null;
  created_ms: number;
  sent_ms: number | null;
}

const NAMES = [
  "id",
  "name",
  "url",
  "description",
  "events",
  "secret",
  "active",
  "cursor_seq",
  "created_ms",
  "updated_ms",
] as const satisfies readonly (keyof WebhookRow)[];

/** Inserts the webhook, or replaces the one of that id. */
export const putWebhook = (sql: Sql, row: WebhookRow): Promise<number> =>
  sql.run(
    `INSERT INTO webhooks (${NAMES.join(", ")}) VALUES (${NAMES.map(() => "?").join(", ")})
     ON CONFLICT (id) DO UPDATE SET ${NAMES.slice(1)
       .map((name) => `${name} = excluded.${name}`)
       .join(", ")}`,
    NAMES.map((name) => row[name]),
  );

export const webhookById = (sql: Sql, id: string): Promise<WebhookRow | undefined> =>
  sql.get(`SELECT ${NAMES.join(", ")} FROM webhooks WHERE id = ?`, [id]);

export const allWebhooks = (sql: Sql): Promise<WebhookRow[]> =>
  sql.all(`SELECT ${NAMES.join(", ")} FROM webhooks ORDER BY created_ms, id`);

export const moveCursor = (sql: Sql, id: string, seq: number): Promise<number> =>
  sql.run("UPDATE webhooks SET cursor_seq = ? WHERE id = ?", [seq, id]);

/** With its deliveries. */
export async function deleteWebhookRows(sql: Sql, id: string): Promise<void> {
  await sql.run("DELETE FROM deliveries WHERE webhook_id = ?", [id]);
  await sql.run("DELETE FROM webhooks WHERE id = ?", [id]);
}

export const insertDelivery = (
  sql: Sql,
  row: Pick<DeliveryRow, "id" | "webhook_id" | "event_seq" | "kind" | "created_ms">,
): Promise<number> =>
  sql.run(
    `INSERT INTO deliveries (id, webhook_id, event_seq, kind, state, attempts, next_ms, created_ms)
     VALUES (?, ?, ?, ?, 'pending', 0, ?, ?)`,
    [row.id, row.webhook_id, row.event_seq, row.kind, row.created_ms, row.created_ms],
  );

const DELIVERY = "seq, id, webhook_id, event_seq, kind, state, attempts, next_ms, status, error, created_ms, sent_ms";

const DUE = "webhook_id = ? AND state = 'pending' AND next_ms <= ?";

export const anyDue = async (sql: Sql, webhookId: string, nowMs: number): Promise<boolean> =>
  (await sql.get(`SELECT seq FROM deliveries WHERE ${DUE} LIMIT 1`, [webhookId, nowMs])) !== undefined;

/** Takes deliveries that are due: nobody else tries them until `untilMs`. */
export async function takeDue(
  sql: Sql,
  webhookId: string,
  { nowMs, untilMs, limit }: { nowMs: number; untilMs: number; limit: number },
): Promise<DeliveryRow[]> {
  const due = await sql.all<DeliveryRow>(
    `SELECT ${DELIVERY} FROM deliveries WHERE ${DUE} ORDER BY next_ms, seq LIMIT ?`,
    [webhookId, nowMs, limit],
  );
  for (const { seq } of due) await sql.run("UPDATE deliveries SET next_ms = ? WHERE seq = ?", [untilMs, seq]);
  return due;
}

/** Gives back what was taken and not tried. */
export const releaseDelivery = (sql: Sql, seq: number, nowMs: number): Promise<number> =>
  sql.run("UPDATE deliveries SET next_ms = ? WHERE seq = ? AND state = 'pending'", [nowMs, seq]);

export const settleDelivery = (
  sql: Sql,
  seq: number,
  to: Pick<DeliveryRow, "state" | "attempts" | "next_ms" | "status" | "error" | "sent_ms">,
): Promise<number> =>
  sql.run(
    "UPDATE deliveries SET state = ?, attempts = ?, next_ms = ?, status = ?, error = ?, sent_ms = ? WHERE seq = ?",
    [to.state, to.attempts, to.next_ms, to.status, to.error, to.sent_ms, seq],
  );

/** Newest first. */
export const deliveriesOf = (sql: Sql, webhookId: string, limit: number): Promise<DeliveryRow[]> =>
  sql.all(`SELECT ${DELIVERY} FROM deliveries WHERE webhook_id = ? ORDER BY seq DESC LIMIT ?`, [webhookId, limit]);

/** Forgets deliveries that are settled and older. */
export const forgetDeliveries = (sql: Sql, beforeMs: number): Promise<number> =>
  sql.run("DELETE FROM deliveries WHERE state <> 'pending' AND created_ms < ?", [beforeMs]);

/** What a webhook is sent: MLflow's envelope and signature, for every kind of event that the journal knows. */

import { createHmac } from "node:crypto";
import type { Event } from "../../db/events.ts";

interface MlflowEvent {
  entity: string;
  action: string;
}

/** Kinds of the journal that MLflow's webhooks have a name for. */
const MLFLOW: Readonly<Record<string, MlflowEvent>> = {
  "model.created": { entity: "registered_model", action: "created" },
  "version.created": { entity: "model_version", action: "created" },
  "version.tag_set": { entity: "model_version_tag", action: "set" },
  "version.tag_deleted": { entity: "model_version_tag", action: "deleted" },
  "alias.set": { entity: "model_version_alias", action: "created" },
  "alias.deleted": { entity: "model_version_alias", action: "deleted" },
};

/** Our kind for MLflow's pair; undefined when we have no such event. */
export const kindFor = ({ entity, action }: MlflowEvent): string | undefined =>
  Object.entries(MLFLOW).find(
    ([, one]) => one.entity === entity.toLowerCase() && one.action === action.toLowerCase(),
  )?.[0];

/** What MLflow calls a kind of the journal; kinds that it does not know are called by their own words. */
function mlflowEvent(kind: string): MlflowEvent {
  const known = MLFLOW[kind];
  if (known) return known;
  const [entity = kind, action = ""] = kind.split(".", 2);
  return { entity, action };
}

/** Whether a kind meets a pattern: itself, "version.*" or "*". */
export const meets = (pattern: string, kind: string): boolean =>
  pattern === "*" || pattern === kind || (pattern.endsWith(".*") && kind.startsWith(pattern.slice(0, -1)));

/** The pairs that MLflow has for what meets the patterns. */
export const mlflowEventsOf = (patterns: readonly string[]): MlflowEvent[] =>
  Object.entries(MLFLOW)
    .filter(([kind]) => patterns.some((pattern) => meets(pattern, kind)))
    .map(([, pair]) => pair);

/** "model/m/3" → { name, version }; "run/<id>" → { run_id }. */
function namesIn(subject: string): Record<string, string> {
  const [kind, first, second] = subject.split("/");
  if (kind === "model" && first !== undefined)
    return second === undefined ? { name: first } : { name: first, version: second };
  return (kind === "run" || kind === "experiment") && first !== undefined ? { [`${kind}_id`]: first } : {};
}

/** The JSON text that is sent and signed. */
export const payloadOf = (event: Event): string =>
  JSON.stringify({
    ...mlflowEvent(event.kind),
    timestamp: new Date(event.timeMs).toISOString(),
    data: { ...event.data, ...namesIn(event.subject) },
    event: { seq: event.seq, kind: event.kind, subject: event.subject, actor: event.actor, reason: event.reason },
  });

/** MLflow's header: "v1," and the base64 of an HMAC-SHA256 over id, time and payload, joined by dots. */
export const signature = (secret: string, deliveryId: string, unixSeconds: string, payload: string): string =>
  `v1,${createHmac("sha256", secret).update(`${deliveryId}.${unixSeconds}.${payload}`).digest("base64")}`;

const EXAMPLE_VALUES: Readonly<Record<string, Record<string, unknown>>> = {
  "model.created": { tags: { example_key: "example_value" }, description: "An example registered model" },
  "version.created": {
    source: "models:/123",
    run_id: "abcd1234abcd5678",
    tags: { example_key: "example_value" },
    description: "An example model version",
  },
  "version.tag_set": { key: "example_key", value: "example_value" },
  "version.tag_deleted": { key: "example_key" },
  "alias.set": { alias: "example_alias" },
  "alias.deleted": { alias: "example_alias" },
};

/** A made-up event that meets the pattern, with the values of MLflow's own examples. */
export function exampleFor(pattern: string, timeMs: number): Event {
  const kind = Object.keys(MLFLOW).find((one) => meets(pattern, one)) ?? pattern.replace(/^\*$|\*$/, "test");
  const subject = /^(model\.created|alias\.deleted)$/.test(kind) ? "model/example_model" : "model/example_model/1";
  return {
    kind,
    subject,
    actor: "test",
    reason: "webhook test",
    data: EXAMPLE_VALUES[kind] ?? {},
    seq: 0,
    timeMs,
    hash: "",
  };
}

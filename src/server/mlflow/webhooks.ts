/** MLflow's calls about webhooks. */

import { fail } from "../../base/errors.ts";
import { invalid } from "../../base/keys.ts";
import { kindFor, mlflowEventsOf } from "../webhooks/payload.ts";
import type { Webhook, Webhooks } from "../webhooks/webhooks.ts";
import { choice, filled, integer, list, message, required, text } from "./fields.ts";
import { pageJson } from "./json.ts";
import { type Route, route } from "./route.ts";

const event = message({ entity: required(text), action: required(text) });
const status = choice("ACTIVE", "DISABLED");

type Pair = { entity: string; action: string };

/** MLflow's pairs as patterns of ours; INVALID for one that nothing here does. */
const patternsOf = (events: readonly Pair[]): string[] =>
  events.map((pair) => {
    const kind = kindFor(pair);
    if (kind === undefined)
      throw invalid(
        `Invalid action '${pair.action}' for entity '${pair.entity}': nothing here does it. Prompts are models here.`,
      );
    return kind;
  });

/** The client refuses a webhook without events of its own, so those that only ask for ours are not shown to it. */
const isShown = (webhook: Webhook): boolean => mlflowEventsOf(webhook.events).length > 0;

async function mustShow(webhooks: Webhooks, id: string): Promise<Webhook> {
  const webhook = await webhooks.getWebhook(id);
  if (isShown(webhook)) return webhook;
  throw fail("NOT_FOUND", { what: `Webhook ${id} asks for no event that MLflow knows; see trimtab webhook list` });
}

const webhookJson = (webhook: Webhook) => ({
  webhook_id: webhook.id,
  name: webhook.name,
  url: webhook.url,
  events: mlflowEventsOf(webhook.events).map(({ entity, action }) => ({
    entity: entity.toUpperCase(),
    action: action.toUpperCase(),
  })),
  ...(webhook.description === "" ? {} : { description: webhook.description }),
  status: webhook.active ? "ACTIVE" : "DISABLED",
  creation_timestamp: webhook.createdMs,
  last_updated_timestamp: webhook.updatedMs,
});

export const WEBHOOK_ROUTES: readonly Route[] = [
  route("POST /mlflow/webhooks", {
    says: "Makes a webhook for model, version, tag and alias events; trimtab webhook add knows more events.",
    fields: {
      name: required(text),
      url: required(text),
      events: filled(list(event)),
      description: text,
      secret: text,
      status,
    },
    async handle({ webhooks, who }, { name, url, events, description, secret, status }) {
      const made = { name, url, events: patternsOf(events), active: status !== "DISABLED" };
      const more = { ...(description ? { description } : {}), ...(secret ? { secret } : {}) };
      return { webhook: webhookJson(await webhooks.createWebhook({ ...made, ...more }, who)) };
    },
  }),
  route("GET /mlflow/webhooks", {
    says: "All webhooks that ask for an event that MLflow knows, on one page.",
    fields: { max_results: integer, page_token: text },
    async handle({ webhooks }) {
      return pageJson("webhooks", (await webhooks.listWebhooks()).filter(isShown).map(webhookJson), undefined);
    },
  }),
  route("GET /mlflow/webhooks/{webhook_id}", {
    says: "One webhook, without its secret.",
    handle: async ({ webhooks, params }) => ({ webhook: webhookJson(await mustShow(webhooks, params.webhook_id!)) }),
  }),
  route("PATCH /mlflow/webhooks/{webhook_id}", {
    says: "Changes what is given.",
    fields: { name: text, url: text, events: list(event), description: text, secret: text, status },
    async handle({ webhooks, params, who }, { name, url, events, description, secret, status }) {
      const change = {
        ...(name ? { name } : {}),
        ...(url ? { url } : {}),
        ...(events.length > 0 ? { events: patternsOf(events) } : {}),
        ...(description === undefined ? {} : { description }),
        ...(secret === undefined ? {} : { secret }),
        ...(status ? { active: status === "ACTIVE" } : {}),
      };
      return { webhook: webhookJson(await webhooks.updateWebhook(params.webhook_id!, change, who)) };
    },
  }),
  route("DELETE /mlflow/webhooks/{webhook_id}", {
    says: "Deletes a webhook with the log of its deliveries.",
    async handle({ webhooks, params, who }) {
      await webhooks.deleteWebhook(params.webhook_id!, who);
      return {};
    },
  }),
  route("POST /mlflow/webhooks/{webhook_id}/test", {
    says: "Sends a made-up event at once: the one given, or the first that the webhook asks for.",
    fields: { event },
    async handle({ webhooks, params }, values) {
      const [kind] = values.event ? patternsOf([values.event]) : [];
      const { success, status, text: body, error } = await webhooks.testWebhook(params.webhook_id!, kind);
      return {
        result: {
          success,
          ...(status === undefined ? {} : { response_status: status }),
          ...(body === undefined ? {} : { response_body: body }),
          ...(error === undefined ? {} : { error_message: error }),
        },
      };
    },
  }),
];

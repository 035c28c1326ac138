/** `webhook …`: who is told what happens. */

import type { Webhooks } from "../server/webhooks/webhooks.ts";
import type { Command, CommandGroup } from "./command.ts";
import { numberOf, text, texts } from "./command.ts";
import type { Io } from "./io.ts";
import { table } from "./io.ts";

async function withWebhooks<T>(io: Io, work: (webhooks: Webhooks, actor: string) => Promise<T>): Promise<T> {
  const { withLife } = await import("../life/context.ts");
  const { createWebhooks } = await import("../server/webhooks/webhooks.ts");
  return withLife({ root: io.cwd, env: io.env }, (life) => work(createWebhooks(life), life.actor));
}

const add: Command = {
  name: "webhook add",
  about: "Tell an address what happens: events of the journal as signed JSON, while the server is up",
  details:
    "Tried up to 8 times with waits that double. The signature is MLflow's: X-MLflow-Signature. Only public https addresses are called, unless TRIMTAB_WEBHOOKS_PRIVATE=allow",
  args: [{ name: "url", about: "where to", required: true }],
  options: [
    { name: "on", value: "event", about: "as version.created, alias.* or run.ended; default: everything", many: true },
    { name: "secret", value: "secret", about: "signs what is sent; $NAME is an environment variable of the server" },
    { name: "name", value: "text", about: "what to call it; default: its host" },
  ],
  examples: ["trimtab webhook add https://ci.example.org/hook --on 'version.*' --on alias.set --secret '$HOOK_SECRET'"],
  action: async (io, input) => {
    const url = text(input.args.url)!;
    const events = texts(input.options.on);
    const secret = text(input.options.secret);
    const name = text(input.options.name) ?? (URL.canParse(url) ? new URL(url).host : url);
    const made = { name, url, events: events.length > 0 ? events : ["*"], ...(secret ? { secret } : {}) };
    const webhook = await withWebhooks(io, (webhooks, actor) => webhooks.createWebhook(made, { actor }));
    io.data(webhook, () => webhook.id);
    return 0;
  },
};

const list: Command = {
  name: "webhook list",
  about: "Webhooks, without their secrets",
  action: async (io) => {
    const webhooks = await withWebhooks(io, (all) => all.listWebhooks());
    io.data({ webhooks }, () =>
      table(io, webhooks, [
        { title: "webhook", value: (w) => w.id.slice(0, 8) },
        { title: "name", value: (w) => w.name },
        { title: "to", value: (w) => w.url },
        { title: "on", value: (w) => w.events.join(", ") },
        { title: "signed", value: (w) => (w.hasSecret ? "yes" : "no") },
      ]),
    );
    return 0;
  },
};

const log: Command = {
  name: "webhook log",
  about: "What became of what was sent, newest first",
  args: [{ name: "webhook", about: "its id, or the beginning of it", required: true }],
  options: [{ name: "limit", short: "n", value: "n", about: "how many", default: "30" }],
  action: async (io, input) => {
    const limit = numberOf(text(input.options.limit), "--limit", { min: 1 }) ?? 30;
    const deliveries = await withWebhooks(io, async (all) =>
      all.deliveries(await all.idOf(text(input.args.webhook)!), limit),
    );
    io.data({ deliveries }, () =>
      table(io, deliveries, [
        { title: "event", value: (d) => d.kind },
        { title: "state", value: (d) => (d.state === "failed" ? io.paint.red(d.state) : d.state) },
        { title: "tries", value: (d) => String(d.attempts), right: true },
        { title: "answer", value: (d) => String(d.status ?? "") },
        { title: "error", value: (d) => (d.error ?? "").slice(0, 60) },
      ]),
    );
    return 0;
  },
};

const tryOut: Command = {
  name: "webhook test",
  about: "Send a made-up event at once and say what was answered",
  args: [{ name: "webhook", about: "its id, or the beginning of it", required: true }],
  action: async (io, input) => {
    const tried = await withWebhooks(io, async (all) => all.testWebhook(await all.idOf(text(input.args.webhook)!)));
    io.data(tried, () => (tried.status === undefined ? tried.error! : `${tried.status} ${tried.text ?? ""}`.trim()));
    return tried.success ? 0 : 1;
  },
};

const remove: Command = {
  name: "webhook remove",
  about: "Stop telling an address, and forget what was sent",
  args: [{ name: "webhook", about: "its id, or the beginning of it", required: true }],
  action: async (io, input) => {
    const id = await withWebhooks(io, async (all, actor) => {
      const whole = await all.idOf(text(input.args.webhook)!);
      await all.deleteWebhook(whole, { actor });
      return whole;
    });
    io.data({ removed: id }, () => `${id} is removed`);
    return 0;
  },
};

export const webhooksGroup: CommandGroup = { title: "Webhooks", commands: [add, list, log, tryOut, remove] };

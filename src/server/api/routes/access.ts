/** Who may use the server, and who is told what happens: lists for admins, without secrets. */

import { createAccess } from "../../access/access.ts";
import { createWebhooks } from "../../webhooks/webhooks.ts";
import { limit, listOf, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

export const accessRoutes: Routes = [
  {
    method: "get",
    path: "/tokens",
    summary: "Tokens, without their secrets",
    tag: "access",
    role: "admin",
    cli: ["token list"],
    answer: listOf("tokens"),
    handle: async ({ life }) => ({ tokens: await createAccess(life).listTokens() }),
  },
  {
    method: "get",
    path: "/webhooks",
    summary: "Webhooks, without their secrets",
    tag: "access",
    role: "admin",
    cli: ["webhook list"],
    answer: listOf("webhooks"),
    handle: async ({ life }) => ({ webhooks: await createWebhooks(life).listWebhooks() }),
  },
  {
    method: "get",
    path: "/webhooks/{id}/deliveries",
    summary: "What became of what was sent, newest first",
    tag: "access",
    role: "admin",
    cli: ["webhook log"],
    query: z.object({ limit: limit.default(30) }),
    answer: listOf("deliveries"),
    handle: async ({ life }, input) => {
      const webhooks = createWebhooks(life);
      const id = await webhooks.idOf(input.params.id!);
      return { deliveries: await webhooks.deliveries(id, input.query.limit as number) };
    },
  },
];

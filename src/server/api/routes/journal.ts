/** The journal. */

import { listEvents, verifyJournal } from "../../../db/events.ts";
import { limit, limitOf, listOf, type Routes } from "../context.ts";
import { z } from "../openapi.ts";

export const journalRoutes: Routes = [
  {
    method: "get",
    path: "/events",
    summary: "The journal: everything that happened, to what, by whom, why",
    tag: "journal",
    cli: ["events"],
    query: z.object({
      limit,
      subject: z.string().optional(),
      kind: z.string().optional(),
      after: z.coerce.number().int().optional(),
    }),
    answer: listOf("events"),
    handle: async ({ life }, input) => {
      const { subject, kind, after } = input.query as { subject?: string; kind?: string; after?: number };
      const filter = {
        ...limitOf(input),
        ...(subject ? { subject } : {}),
        ...(kind ? { kind } : {}),
        ...(after ? { afterSeq: after } : {}),
      };
      return { events: await listEvents(life.db, filter) };
    },
  },
  {
    method: "get",
    path: "/journal/verify",
    summary: "Recompute the journal's hash chain",
    tag: "journal",
    cli: ["doctor"],
    answer: z.object({ events: z.number(), brokenAtSeq: z.number().optional() }),
    handle: ({ life }) => verifyJournal(life.db),
  },
];

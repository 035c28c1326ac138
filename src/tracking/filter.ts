/** What may be searched in tracking: the tables of MLflow's filter and order_by language for runs and experiments. */

import { type Grammar, type KeyRule, NUMERIC, TEXT_OR_LIST, TEXT_OR_NULL, TEXTUAL } from "../db/search/grammar.ts";

const text: KeyRule = { kind: "text", comparators: TEXT_OR_LIST };
const number: KeyRule = { kind: "number", comparators: NUMERIC };

export const RUN_GRAMMAR: Grammar = {
  bare: "attribute",
  entities: {
    metric: { names: ["metrics", "metric"], keys: number },
    param: { names: ["parameters", "parameter", "params", "param"], keys: { kind: "text", comparators: TEXT_OR_NULL } },
    tag: { names: ["tags", "tag"], keys: { kind: "text", comparators: TEXT_OR_NULL } },
    attribute: {
      names: ["attributes", "attribute", "attr", "run"],
      keys: {
        run_id: { ...text, also: ["run_uuid"] },
        run_name: { ...text, also: ["run name", "Run name", "Run Name"] },
        user_id: { ...text, also: ["User"] },
        status: text,
        artifact_uri: text,
        start_time: { ...number, also: ["created", "Created"] },
        end_time: number,
      },
    },
    dataset: {
      names: ["datasets", "dataset"],
      keys: {
        name: { ...text, order: false },
        digest: { ...text, order: false },
        context: { ...text, order: false },
      },
    },
  },
};

export const EXPERIMENT_GRAMMAR: Grammar = {
  bare: "attribute",
  entities: {
    attribute: {
      names: ["attributes", "attribute", "attr"],
      keys: {
        name: { kind: "text", comparators: TEXTUAL },
        experiment_id: text,
        creation_time: { ...number, also: ["created"] },
        last_update_time: number,
      },
    },
    tag: { names: ["tags", "tag"], keys: { kind: "text", comparators: TEXT_OR_NULL, order: false } },
  },
};

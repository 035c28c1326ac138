/** What may be searched in tracking: the tables of MLflow's filter and order_by language for runs, experiments, logged models and traces. */

import {
  type Grammar,
  type KeyRule,
  NUMERIC,
  TEXT_OR_LIST,
  TEXT_OR_NULL,
  TEXT_OR_ORDER,
  TEXTUAL,
} from "../db/search/grammar.ts";

const text: KeyRule = { kind: "text", comparators: TEXTUAL };
const listed: KeyRule = { kind: "text", comparators: TEXT_OR_LIST };
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
        run_id: { ...listed, also: ["run_uuid"] },
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
        name: { ...listed, order: false },
        digest: { ...listed, order: false },
        context: { ...listed, order: false },
      },
    },
  },
};

export const EXPERIMENT_GRAMMAR: Grammar = {
  bare: "attribute",
  repeatedOrder: true,
  entities: {
    attribute: {
      names: ["attribute"],
      keys: {
        name: text,
        experiment_id: listed,
        creation_time: { ...number, also: ["created"] },
        last_update_time: number,
      },
    },
    tag: { names: ["tags", "tag"], keys: { kind: "text", comparators: TEXT_OR_NULL, order: false } },
  },
};

export const LOGGED_MODEL_GRAMMAR: Grammar = {
  bare: "attribute",
  repeatedOrder: true,
  entities: {
    metric: { names: ["metrics"], keys: number },
    param: { names: ["params"], keys: { ...listed, order: false } },
    tag: { names: ["tags"], keys: { ...listed, order: false } },
    attribute: {
      names: ["attributes"],
      keys: {
        model_id: listed,
        name: listed,
        model_type: listed,
        status: listed,
        source_run_id: listed,
        creation_timestamp: { ...number, also: ["creation_time", "creation_timestamp_ms"] },
        last_updated_timestamp: { ...number, also: ["last_updated_timestamp_ms"] },
      },
    },
  },
};

const assessed: KeyRule = { kind: "either", comparators: [...TEXT_OR_ORDER, "RLIKE"], order: false };
const matched: KeyRule = { kind: "text", comparators: [...TEXT_OR_LIST, "RLIKE"] };
const matchedOrNull: KeyRule = { kind: "text", comparators: [...TEXT_OR_NULL, "RLIKE"], order: false };
const matchedListedOrNull: KeyRule = { ...matched, comparators: [...matched.comparators, "IS NULL", "IS NOT NULL"] };
const traceTime = (also: string): KeyRule => ({ ...number, also: [also] });

export const TRACE_GRAMMAR: Grammar = {
  bare: "attribute",
  entities: {
    tag: { names: ["tags", "tag"], keys: matchedOrNull },
    metadata: { names: ["metadata", "request_metadata"], keys: matchedOrNull },
    feedback: { names: ["feedback"], keys: assessed },
    expectation: { names: ["expectation"], keys: assessed },
    span: { names: ["span"], keys: { ...matched, order: false } },
    attribute: {
      names: ["attributes", "attribute", "trace"],
      keys: {
        request_id: { ...matched, also: ["trace_id", "id"] },
        client_request_id: { ...matched, order: false },
        status: { ...matched, also: ["state"] },
        name: matchedListedOrNull,
        run_id: { ...matchedListedOrNull, order: false },
        // "name/version"; clients keep the prompts of a trace in a tag.
        prompt: { kind: "text", comparators: ["="], order: false },
        // What any span holds.
        text: { ...text, order: false },
        timestamp_ms: traceTime("timestamp"),
        execution_time_ms: traceTime("execution_time"),
        end_time_ms: traceTime("end_time"),
        experiment_id: { kind: "number", comparators: [] },
      },
    },
  },
};

/** The pieces of work that are timed: each is one request, made from its number so that no two writes are the same. */

import { requestBytes } from "../load.ts";
import { API, type Filled } from "./client.ts";

export interface Work {
  name: string;
  /** The ratio that we hold ourselves to. */
  goal: number;
  request(filled: Filled): Uint8Array;
}

let written = 0;

const post = (path: string, body: object): Uint8Array => requestBytes("POST", `${API}${path}`, JSON.stringify(body));

export const WORK: readonly Work[] = [
  {
    name: "log-metric",
    goal: 40,
    request: ({ runId }) =>
      post("runs/log-metric", {
        run_id: runId,
        key: "loss",
        value: 0.5,
        timestamp: 1e12 + ++written,
        step: written,
      }),
  },
  {
    name: "runs/get (20 metrics, 20 params)",
    goal: 40,
    request: ({ runId }) => requestBytes("GET", `${API}runs/get?run_id=${runId}`),
  },
  {
    name: "log-batch of 1,000 metrics",
    goal: 20,
    request: ({ runId }) => post("runs/log-batch", { run_id: runId, metrics: thousand(++written) }),
  },
  {
    name: "runs/search of 200 runs",
    goal: 20,
    request: ({ experimentId }) => post("runs/search", { experiment_ids: [experimentId], max_results: 200 }),
  },
  {
    name: "runs/search, filtered and ordered",
    goal: 20,
    request: ({ experimentId }) =>
      post("runs/search", {
        experiment_ids: [experimentId],
        filter: "metrics.m0 > 0.5 and tags.team = 'red'",
        order_by: ["metrics.m1 DESC"],
        max_results: 50,
      }),
  },
];

const thousand = (n: number) =>
  Array.from({ length: 1000 }, (_, i) => ({
    key: `b${i % 10}`,
    value: i,
    timestamp: 1e12 + n,
    step: n * 100 + Math.floor(i / 10),
  }));

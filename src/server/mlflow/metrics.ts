/** MLflow's calls about the history of metrics. */

import { invalid } from "../../base/keys.ts";
import { LIMITS } from "../../base/limits.ts";
import { filled, integer, list, required, text } from "./fields.ts";
import { metricJson, pageJson } from "./json.ts";
import { type Route, route } from "./route.ts";
import { runId } from "./runs.ts";

const RUNS_MOST = 100;
const BULK_MOST = 25_000;
const INTERVAL_MOST = 2500;

export const METRIC_ROUTES: readonly Route[] = [
  route("GET /mlflow/metrics/get-history", {
    says: "A metric's points in the order (timestamp, step, value).",
    fields: { run_id: runId, metric_key: required(text), max_results: integer, page_token: text },
    async handle({ tracking }, { run_id, metric_key, max_results, page_token }) {
      if (max_results !== undefined && max_results <= 0)
        throw invalid(
          `Invalid value ${max_results} for parameter 'max_results' supplied. It must be a positive integer.`,
        );
      const page = await tracking.metricHistory(run_id, metric_key, {
        // Whoever asks for more goes on with the token.
        ...(max_results === undefined ? {} : { maxResults: Math.min(max_results, LIMITS.historyPoints) }),
        pageToken: page_token ?? "",
      });
      return pageJson("metrics", page.items.map(metricJson), page.nextPageToken);
    },
  }),
  route("GET /mlflow/metrics/get-history-bulk", {
    says: "One metric's points of up to 100 runs (`run_id` repeated), at most 25,000.",
    fields: { run_id: filled(list(text)), metric_key: required(text), max_results: integer },
    async handle({ tracking }, { run_id, metric_key, max_results }) {
      if (run_id.length > RUNS_MOST)
        throw invalid(
          `GetMetricHistoryBulk request cannot specify more than ${RUNS_MOST} run_ids. Received ${run_id.length} run_ids.`,
        );
      const most = Math.min(max_results ?? BULK_MOST, BULK_MOST);
      const metrics: object[] = [];
      for (const id of [...run_id].sort()) {
        if (metrics.length >= most) break;
        const { items } = await tracking.metricHistory(id, metric_key, { maxResults: most - metrics.length });
        for (const item of items) metrics.push({ ...metricJson(item), run_id: id });
      }
      return { metrics };
    },
  }),
  route("GET /mlflow/metrics/get-history-bulk-interval", {
    says: "One metric's points of up to 100 runs between two steps, thinned out evenly for a chart.",
    fields: {
      run_ids: filled(list(text)),
      metric_key: required(text),
      start_step: integer,
      end_step: integer,
      max_results: integer,
    },
    async handle({ tracking }, { run_ids, metric_key, start_step, end_step, max_results }) {
      if (run_ids.length > RUNS_MOST)
        throw invalid(
          `GetMetricHistoryBulkInterval request must specify at most ${RUNS_MOST} run_ids. Received ${run_ids.length} run_ids.`,
        );
      const most = max_results ?? INTERVAL_MOST;
      if (most < 1 || most > INTERVAL_MOST) throw invalid(`max_results must be between 1 and ${INTERVAL_MOST}.`);
      if ((start_step === undefined) !== (end_step === undefined))
        throw invalid("If either start step or end step are specified, both must be specified.");
      if (start_step !== undefined && end_step !== undefined && start_step > end_step)
        throw invalid(
          `end_step must be greater than start_step. Found start_step=${start_step} and end_step=${end_step}.`,
        );
      const found = await tracking.metricInterval(run_ids, metric_key, {
        maxSteps: most,
        ...(start_step === undefined || end_step === undefined ? {} : { steps: [start_step, end_step] }),
      });
      return pageJson(
        "metrics",
        found.map(({ runId, ...point }) => ({ ...metricJson(point), run_id: runId })),
        undefined,
      );
    },
  }),
];

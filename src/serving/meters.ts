/** The metrics of a serving process: their names, meaning and buckets. Series are per model, version and variant. */

import type { DeployedVersion } from "./deployment.ts";
import { createMetrics, labelText, type Metric, type MetricsSnapshot } from "./prometheus.ts";

export interface Meters {
  requests: Metric;
  latency: Metric;
  rows: Metric;
  batchRows: Metric;
  queueRows: Metric;
  shed: Metric;
  restarts: Metric;
  outcomes: Metric;
  captureDropped: Metric;
  deployFailed: Metric;
  snapshot(): MetricsSnapshot;
}

const LATENCY_EDGES_S = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10];
const ROWS_EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 20_000];

export function createMeters(): Meters {
  const m = createMetrics();
  return {
    requests: m.metric("trimtab_requests_total", "counter", "Prediction requests, by HTTP status."),
    latency: m.metric(
      "trimtab_request_duration_seconds",
      "histogram",
      "Time in which a request was read and answered.",
      LATENCY_EDGES_S,
    ),
    rows: m.metric("trimtab_predicted_rows_total", "counter", "Rows predicted."),
    batchRows: m.metric("trimtab_batch_rows", "histogram", "Rows handed to the model at once.", ROWS_EDGES),
    queueRows: m.metric("trimtab_queue_rows", "gauge", "Rows that wait for the model."),
    shed: m.metric("trimtab_shed_total", "counter", "Requests refused because the queue was full."),
    restarts: m.metric(
      "trimtab_model_restarts_total",
      "counter",
      "Model processes started again after they died or hung.",
    ),
    outcomes: m.metric("trimtab_outcomes_total", "counter", "Outcomes received by /feedback, in rows."),
    captureDropped: m.metric("trimtab_capture_dropped_total", "counter", "Captured lines that the disk did not take."),
    deployFailed: m.metric("trimtab_deployments_failed_total", "counter", "Deployments that could not be loaded."),
    snapshot: () => m.snapshot(),
  };
}

export const labelsOfVersion = (about: DeployedVersion): string =>
  labelText({ model: about.name, version: about.version, variant: about.variant });

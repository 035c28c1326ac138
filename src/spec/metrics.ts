/** Which way a metric is better. */

const LESS_IS_BETTER = new Set(["log_loss", "brier", "mae", "rmse", "mape", "memory_bytes", "model_bytes"]);

/** Whether a smaller figure is the better one. */
export const lessIsBetter = (metric: string): boolean => LESS_IS_BETTER.has(metric) || metric.startsWith("latency_");

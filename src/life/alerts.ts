/** Tells people through the pipeline's webhooks. An alert is a job: it survives a crash, and the same occasion alerts once. */

import { type Alert, queueAlerts } from "../monitor/alerts.ts";
import type { Pipeline } from "../spec/types.ts";
import type { Life } from "./context.ts";

export const alertAll = (life: Life, pipeline: Pipeline, alert: Alert): Promise<void> =>
  life.db.write((sql) => queueAlerts(sql, pipeline, alert, life.clock.nowMs()));

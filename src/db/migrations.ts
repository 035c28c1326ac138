/** The list of migrations, oldest first. One that has been released is never edited; a change is a new file. */

import journal from "./migrations/0001_journal.sql" with { type: "text" };
import tracking from "./migrations/0002_tracking.sql" with { type: "text" };
import pipeline from "./migrations/0003_pipeline.sql" with { type: "text" };
import data from "./migrations/0004_data.sql" with { type: "text" };
import monitor from "./migrations/0005_monitor.sql" with { type: "text" };
import transfer from "./migrations/0006_transfer.sql" with { type: "text" };
import access from "./migrations/0007_access.sql" with { type: "text" };
import webhooks from "./migrations/0008_webhooks.sql" with { type: "text" };
import approvals from "./migrations/0009_approvals.sql" with { type: "text" };
import spans from "./migrations/0010_spans.sql" with { type: "text" };
import modelMetrics from "./migrations/0011_model_metrics.sql" with { type: "text" };

export interface Migration {
  id: number;
  name: string;
  sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  { id: 1, name: "journal", sql: journal },
  { id: 2, name: "tracking", sql: tracking },
  { id: 3, name: "pipeline", sql: pipeline },
  { id: 4, name: "data", sql: data },
  { id: 5, name: "monitor", sql: monitor },
  { id: 6, name: "transfer", sql: transfer },
  { id: 7, name: "access", sql: access },
  { id: 8, name: "webhooks", sql: webhooks },
  { id: 9, name: "approvals", sql: approvals },
  { id: 10, name: "spans", sql: spans },
  { id: 11, name: "model_metrics", sql: modelMetrics },
];

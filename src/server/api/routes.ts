/** /api/v1: everything that the CLI shows, and the few things it does. Each route is one line of meaning over src/life. */

import type { Routes } from "./context.ts";
import { accessRoutes } from "./routes/access.ts";
import { dataRoutes } from "./routes/data.ts";
import { deploymentRoutes } from "./routes/deployments.ts";
import { journalRoutes } from "./routes/journal.ts";
import { modelRoutes } from "./routes/models.ts";
import { monitorRoutes } from "./routes/monitor.ts";
import { runRoutes } from "./routes/runs.ts";
import { statusRoutes } from "./routes/status.ts";

export const API_ROUTES: Routes = [
  ...statusRoutes,
  ...runRoutes,
  ...modelRoutes,
  ...dataRoutes,
  ...deploymentRoutes,
  ...monitorRoutes,
  ...journalRoutes,
  ...accessRoutes,
];

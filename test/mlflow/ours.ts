/** Trimtab's tracking server alone, as the scenarios and bench/tracking meet it: a fresh workspace behind one port. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { workspaceAt } from "../../src/base/workspace.ts";
import { openDb } from "../../src/db/open.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { createMlflowApp } from "../../src/server/mlflow/app.ts";
import { openArtifactStore } from "../../src/store/artifacts.ts";
import { createTracking } from "../../src/tracking/tracking.ts";

export interface OurServer {
  url: string;
  stop(): Promise<void>;
}

export async function startOurs(): Promise<OurServer> {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-tracking-"));
  const workspace = workspaceAt(folder, {});
  const db = await openDb(workspace.db);
  const artifacts = openArtifactStore(workspace.artifacts);
  const app = createMlflowApp({
    tracking: createTracking({ db, clock: systemClock, artifacts }),
    registry: createRegistry({ db, clock: systemClock, modelsDir: workspace.models }),
    artifacts,
    clock: systemClock,
    scratch: workspace.tmp,
  });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch, maxRequestBodySize: 2 ** 40 });
  return {
    url: `http://127.0.0.1:${server.port}`,
    stop: async () => {
      await server.stop(true);
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

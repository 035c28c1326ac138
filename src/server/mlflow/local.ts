/**
 * MLflow's protocol for the steps of one run, on a loopback port of its own, so that `mlflow.start_run()` in a step lands in the
 * pipeline's run also when no server is up.
 */

import { whenBroken } from "../../base/listen.ts";
import { checkClaim } from "../../life/approval.ts";
import type { Life } from "../../life/context.ts";
import type { TrackingServer } from "../../life/cycle.ts";
import type { Pipeline } from "../../spec/types.ts";
import { createWebhooks } from "../webhooks/webhooks.ts";
import { createMlflowApp } from "./app.ts";

/** Starts it; the caller stops it when the steps are done. */
export function serveTracking(life: Life, pipeline: Pipeline): TrackingServer {
  const app = createMlflowApp({
    tracking: life.tracking,
    registry: life.registry,
    artifacts: life.artifacts,
    webhooks: createWebhooks(life),
    clock: life.clock,
    scratch: life.workspace.tmp,
    checkClaim: async (model, version) => {
      if (model === pipeline.model) await checkClaim(life, pipeline, version);
    },
    who: async () => ({ actor: life.actor }),
  });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: app.fetch,
    ...whenBroken,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  });
  return { uri: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

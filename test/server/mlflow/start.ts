/** A server that speaks MLflow's protocol on a free port, over a fresh database and folder. */

import { join } from "node:path";
import { ManualClock } from "../../../src/base/clock.ts";
import type { Db } from "../../../src/db/db.ts";
import { openDb } from "../../../src/db/open.ts";
import { createRegistry } from "../../../src/registry/registry.ts";
import { createAccess } from "../../../src/server/access/access.ts";
import { createGuard } from "../../../src/server/access/guard.ts";
import { createMlflowApp } from "../../../src/server/mlflow/app.ts";
import { createWebhooks } from "../../../src/server/webhooks/webhooks.ts";
import { openArtifactStore } from "../../../src/store/artifacts.ts";
import { withMounts } from "../../../src/store/mounts.ts";
import { createTracking } from "../../../src/tracking/tracking.ts";
import { tempFolder } from "../../temp.ts";

export async function startMlflow(options: { db?: Db; nowMs?: number; guarded?: boolean } = {}) {
  const folder = tempFolder();
  const db = options.db ?? (await openDb(join(folder, "t.db")));
  const clock = new ManualClock(options.nowMs ?? 1_000_000);
  const modelsDir = join(folder, "models");
  const artifacts = withMounts(openArtifactStore(join(folder, "artifacts")), { models: openArtifactStore(modelsDir) });
  const tracking = createTracking({ db, clock, artifacts });
  const registry = createRegistry({ db, clock, modelsDir });
  const webhooks = createWebhooks({ db, clock, env: { TRIMTAB_WEBHOOKS_PRIVATE: "allow" } });
  const access = createAccess({ db, clock });
  const guard = options.guarded ? { guard: createGuard(access) } : {};
  const app = createMlflowApp({
    tracking,
    registry,
    artifacts,
    clock,
    scratch: join(folder, "tmp"),
    webhooks,
    ...guard,
  });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: app.fetch,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  });
  const url = `http://127.0.0.1:${server.port}`;

  /** Sends JSON; resolves to status and body. */
  async function call<T = unknown>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === "string" ? body : JSON.stringify(body),
            headers: { "Content-Type": "application/json" },
          }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as T };
  }
  return {
    folder,
    url,
    clock,
    tracking,
    registry,
    artifacts,
    access,
    webhooks,
    db,
    call,
    post: <T = unknown>(path: string, body: unknown) => call<T>("POST", `/api/2.0/mlflow/${path}`, body),
    get: <T = unknown>(path: string) => call<T>("GET", `/api/2.0/mlflow/${path}`),
    async stop() {
      await server.stop(true);
      await db.close();
    },
  };
}

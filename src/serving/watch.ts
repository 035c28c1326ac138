/**
 * Follows `deploy/<model>/current` and keeps a process serving what it names. The file system tells of a change at once
 * where it can; a look every 100 ms finds it where it cannot (network file systems).
 *
 *   unchanged ── current names another id ──▶ loading ── proven ──▶ active
 *                                               └── refused ──▶ the one before serves on; tried again with a growing pause
 *
 * A process that starts and cannot load what is current serves the nearest earlier deployment that it can.
 */

import { existsSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { asTrimtabError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import { currentId, deployedModels, readDeployment } from "./deployment.ts";
import type { Served } from "./served.ts";

export interface DeploymentWatch {
  /** Looks now; resolves when what was found is served or refused. */
  look(): Promise<void>;
  /** The model's last refusal, while it lasts. */
  failures(): { model: string; id: string; message: string }[];
  /** Stops following; resolves when a look that is under way is over. */
  close(): Promise<void>;
}

export interface WatchOptions {
  deployDir: string;
  served: Served;
  onActive?: (model: string, id: string) => void;
  onFailed?: (model: string, id: string, message: string) => void;
  pollMs?: number;
}

interface Failure {
  id: string;
  message: string;
  retryAtMs: number;
  pauseMs: number;
}

const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 60_000;

export function watchDeployments(options: WatchOptions): DeploymentWatch {
  const { deployDir, served, pollMs = LIMITS.deployPollMs } = options;
  const failures = new Map<string, Failure>();
  const watchers = new Map<string, FSWatcher>();
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;

  const follow = async (model: string): Promise<void> => {
    const id = await currentId(deployDir, model);
    if (id === undefined || id === served.deploymentId(model)) {
      failures.delete(model);
      return;
    }
    const failed = failures.get(model);
    if (failed?.id === id && Date.now() < failed.retryAtMs) return;
    try {
      await served.activate(await readDeployment(deployDir, model, id));
      failures.delete(model);
      options.onActive?.(model, id);
    } catch (error) {
      if (closed) return;
      const message = asTrimtabError(error).oneLine();
      const pauseMs = failed?.id === id ? Math.min(failed.pauseMs * 2, LAST_PAUSE_MS) : FIRST_PAUSE_MS;
      failures.set(model, { id, message, pauseMs, retryAtMs: Date.now() + pauseMs });
      log.error("a deployment cannot be served", { model, id, error: message });
      options.onFailed?.(model, id, message);
      if (served.deploymentId(model) === undefined) await fallBack(options, model, id);
    }
  };

  const lookOnce = async (): Promise<void> => {
    const models = await deployedModels(deployDir);
    for (const name of served.names()) if (!models.includes(name)) await served.remove(name);
    for (const model of models) {
      watchFolder(join(deployDir, model));
      await follow(model);
    }
  };

  const look = (): Promise<void> => {
    again = true;
    looking ??= (async () => {
      while (again) {
        again = false;
        await lookOnce().catch((error: unknown) =>
          log.error("looking for deployments failed", { error: String(error) }),
        );
      }
      looking = undefined;
    })();
    return looking;
  };

  const watchFolder = (folder: string): void => {
    if (watchers.has(folder) || !existsSync(folder)) return;
    try {
      watchers.set(
        folder,
        watch(folder, () => void look()),
      );
    } catch {
      // No watches left, or a file system without them: the poll finds changes.
    }
  };

  const timer = setInterval(() => void look(), pollMs);
  return {
    look,
    failures: () => [...failures].map(([model, { id, message }]) => ({ model, id, message })),
    async close() {
      closed = true;
      clearInterval(timer);
      for (const watcher of watchers.values()) watcher.close();
      await looking;
    },
  };
}

async function fallBack({ deployDir, served, onActive }: WatchOptions, model: string, failedId: string): Promise<void> {
  const previousOf = async (id: string) =>
    (await readDeployment(deployDir, model, id).catch(() => undefined))?.previous;
  for (let id = await previousOf(failedId); id !== undefined; id = await previousOf(id)) {
    try {
      await served.activate(await readDeployment(deployDir, model, id));
      log.warn("an earlier deployment serves instead", { model, id });
      return onActive?.(model, id);
    } catch (error) {
      log.error("an earlier deployment cannot be served either", { model, id, error: asTrimtabError(error).oneLine() });
    }
  }
}

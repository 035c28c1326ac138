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
import { currentId, currentIds, isUndeployed, readDeployment } from "./deployment.ts";
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
  /** Models whose deployment is being loaded. Each for itself: a slow one must not hold up another's rollback. */
  const following = new Map<string, Promise<void>>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const follow = async (model: string, id: string): Promise<void> => {
    if (id === served.deploymentId(model)) {
      failures.delete(model);
      return;
    }
    const failed = failures.get(model);
    if (failed?.id === id && Date.now() < failed.retryAtMs) return;
    try {
      const isCurrent = async () => (await currentId(deployDir, model)) === id;
      if (!(await served.activate(await readDeployment(deployDir, model, id), isCurrent))) return;
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
    const current = await currentIds(deployDir);
    for (const name of served.names())
      if (!current.has(name) && (await isUndeployed(deployDir, name))) await served.remove(name);
    for (const [model, id] of current) {
      watchFolder(join(deployDir, model));
      if (closed || following.has(model)) continue;
      const done = follow(model, id).catch(complain);
      following.set(model, done);
      void done.then(() => following.delete(model));
    }
  };

  const watchFolder = (folder: string): void => {
    if (watchers.has(folder) || !existsSync(folder)) return;
    try {
      const watcher = watch(folder, () => void lookOnce().catch(complain));
      watchers.set(folder, watcher);
    } catch {
      // No watches left, or a file system without them: the poll finds changes.
    }
  };

  const poll = async (): Promise<void> => {
    const from = performance.now();
    await lookOnce().catch(complain);
    // Looking at very many models may take longer than the pause: it shall never take more than a tenth of the time.
    if (!closed) timer = setTimeout(poll, Math.max(pollMs, 10 * (performance.now() - from)));
  };
  timer = setTimeout(poll, pollMs);

  return {
    async look() {
      await lookOnce().catch(complain);
      await Promise.all(following.values());
    },
    failures: () => [...failures].map(([model, { id, message }]) => ({ model, id, message })),
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      await Promise.all(following.values());
    },
  };
}

const complain = (error: unknown): void => log.error("looking for deployments failed", { error: String(error) });

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

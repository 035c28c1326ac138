/** What every part of one check works with. */

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Workspace } from "../base/workspace.ts";
import type { Db } from "../db/db.ts";
import type { Pipeline, WindowSize } from "../spec/types.ts";
import type { Post } from "./alerts.ts";
import type { VersionFacts, WatchedVersion } from "./versions.ts";

export interface MonitorDeps {
  db: Db;
  clock: Clock;
  workspace: Pick<Workspace, "predictions" | "state">;
  /** Every version of the model whose predictions may turn up, with its folder. */
  versions(model: string): Promise<readonly WatchedVersion[]>;
  /** Reads TRIMTAB_AUTOMATE_RETRAIN; the process's environment unless told. */
  env?: Record<string, string | undefined>;
  /** Sends alerts; fetch unless told. */
  post?: Post;
}

export interface CheckContext {
  deps: MonitorDeps;
  pipeline: Pipeline;
  /** Versions by number, as they are now. */
  versions: ReadonlyMap<number, WatchedVersion>;
  facts(version: number): Promise<VersionFacts | undefined>;
  /** predictions/<model> */
  captured: string;
  /** Where the monitor keeps answers and outcomes of windows. */
  kept: string;
  /** Lines younger than this may lack neighbours that are not on disk yet. */
  settledMs: number;
}

/** Captured lines are on disk within 100 ms; ten times that. */
const SETTLE_MS = 1000;

/** Windows when a pipeline watches performance alone. */
const DEFAULT_SIZE: WindowSize = { rows: 5000 };

export const windowSize = ({ monitor }: Pipeline): WindowSize => monitor.drift?.window ?? DEFAULT_SIZE;

export const sizeLabel = (size: WindowSize): string => ("rows" in size ? `rows:${size.rows}` : `ms:${size.ms}`);

export async function openContext(
  deps: MonitorDeps,
  pipeline: Pipeline,
  readFacts: (folder: string) => Promise<VersionFacts | undefined>,
): Promise<CheckContext> {
  const versions = new Map((await deps.versions(pipeline.model)).map((known) => [known.version, known]));
  return {
    deps,
    pipeline,
    versions,
    async facts(version) {
      const known = versions.get(version);
      return known && readFacts(known.folder);
    },
    captured: join(deps.workspace.predictions, pipeline.model),
    kept: join(deps.workspace.state, "monitor", pipeline.model),
    settledMs: deps.clock.nowMs() - SETTLE_MS,
  };
}

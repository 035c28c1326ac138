/** Where everything is on disk (design section 5). Paths only; nothing is created here. */

import { join, resolve } from "node:path";

export interface Workspace {
  /** The folder of pipeline.yaml; steps run here. */
  root: string;
  /** .trimtab inside the root. */
  state: string;
  /** File path of the SQLite database, or a postgres:// URL. */
  db: string;
  cache: string;
  artifacts: string;
  models: string;
  deploy: string;
  predictions: string;
  /** Staging and scratch; on the same file system as the rest, so that a rename publishes. */
  tmp: string;
}

/** The layout below `root`; TRIMTAB_DB names another database; an empty one counts as not set, as everywhere. */
export function workspaceAt(root: string, env: Record<string, string | undefined> = process.env): Workspace {
  const home = resolve(root);
  const state = join(home, ".trimtab");
  return {
    root: home,
    state,
    db: env.TRIMTAB_DB || join(state, "trimtab.db"),
    cache: join(state, "cache"),
    artifacts: join(state, "artifacts"),
    models: join(state, "models"),
    deploy: join(state, "deploy"),
    predictions: join(state, "predictions"),
    tmp: join(state, "tmp"),
  };
}

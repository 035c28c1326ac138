/** Where the proxied artifact URIs that runs and models carry point in the artifact store. */

import { fail } from "../base/errors.ts";
import { checkArtifactPath } from "../store/artifact-path.ts";
import type { ArtifactStore } from "../store/artifacts.ts";
import { mustFindRun } from "./read.ts";
import type { TrackingOptions } from "./types.ts";

const PROXIED = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/;
const SERVED = /^https?:\/\/[^/]+(?:\/.*)?\/api\/2\.0\/mlflow-artifacts\/artifacts\/(.*)$/;

/** "mlflow-artifacts:/0/run/artifacts" → "0/run/artifacts"; undefined for a place that this server does not keep. */
export function storePathOf(uri: string): string | undefined {
  const found = PROXIED.exec(uri) ?? SERVED.exec(uri);
  return found ? found[1]!.replace(/\/+$/, "") : undefined;
}

export function createArtifacts({ db }: TrackingOptions, store: ArtifactStore | undefined) {
  return {
    /** Keeps a copy of a local file as the run's artifact. NOT_AVAILABLE when its artifacts are kept elsewhere. */
    async logArtifact(runId: string, path: string, file: string): Promise<void> {
      const run = await mustFindRun(db, runId);
      const root = storePathOf(run.artifact_uri);
      if (!store || root === undefined)
        throw fail("NOT_AVAILABLE", {
          what: "this run's artifacts are not kept by this server",
          place: run.artifact_uri,
          mend: "write to the artifact location with its own tools",
        });
      await store.put(`${root}/${checkArtifactPath(path)}`, Bun.file(file).stream());
    },
  };
}

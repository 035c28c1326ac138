/** An MLflow server, 2.x or 3.x, read through its REST calls. */

import { storePathOf } from "../../tracking/artifacts.ts";
import {
  API,
  experimentsOf,
  historyOf,
  type Listing,
  loggedModelsOf,
  modelsOf,
  proxiedFiles,
  runsOf,
  versionsOf,
} from "./peer.ts";
import { isStatus, type Rest } from "./rest.ts";
import type { MlflowSource, SourceFiles } from "./source.ts";
import { serverTraces } from "./traces.ts";
import {
  experimentFrom,
  loggedModelFrom,
  modelFrom,
  pointFrom,
  runFrom,
  versionFrom,
  type WireVersion,
} from "./wire.ts";

/** Files that the server reads itself from where they are (its own disk). */
function servedFiles(rest: Rest, runId: string): SourceFiles {
  return {
    async list(folder) {
      const query = { run_id: runId, ...(folder === "" ? {} : { path: folder }) };
      const { files = [] } = await rest.get<Listing>(`${API}/artifacts/list`, query);
      return files.map((file) => ({
        path: file.path,
        isFolder: file.is_dir ?? false,
        sizeBytes: Number(file.file_size ?? 0),
      }));
    },
    async read(path) {
      const query = new URLSearchParams({ run_id: runId, path });
      return (await rest.send("GET", `/get-artifact?${query}`)).body!;
    },
  };
}

/** Undefined for a prompt's version, which has no files. */
async function downloadUri(rest: Rest, wire: WireVersion): Promise<string | undefined> {
  const where = { name: wire.name, version: String(wire.version) };
  try {
    return (await rest.get<{ artifact_uri?: string }>(`${API}/model-versions/get-download-uri`, where)).artifact_uri;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

export function serverSource(rest: Rest): MlflowSource {
  return {
    name: rest.url,
    async *experiments() {
      for await (const wire of experimentsOf(rest)) yield experimentFrom(wire);
    },
    async *runs(experimentId) {
      for await (const wire of runsOf(rest, experimentId)) yield runFrom(wire);
    },
    async *history(runId, key) {
      for await (const page of historyOf(rest, runId, key)) yield page.map(pointFrom);
    },
    async *loggedModels(experimentId) {
      try {
        for await (const wire of loggedModelsOf(rest, experimentId)) yield loggedModelFrom(wire);
      } catch (error) {
        // A 2.x server has none.
        if (!isStatus(error, 404)) throw error;
      }
    },
    traces: (experimentId) => serverTraces(rest, experimentId),
    async *models() {
      for await (const wire of modelsOf(rest)) yield modelFrom(wire);
    },
    async *versions(model) {
      for await (const wire of versionsOf(rest, model.name))
        yield versionFrom(wire, model, (await downloadUri(rest, wire)) ?? wire.source ?? "");
    },
    files(owner, rootUri) {
      const root = storePathOf(rootUri);
      if (root !== undefined) return proxiedFiles(rest, root);
      const isLocal = !/^[a-z][a-z0-9+.-]+:/i.test(rootUri) || rootUri.startsWith("file:");
      return isLocal && "runId" in owner ? servedFiles(rest, owner.runId) : undefined;
    },
    close() {},
  };
}

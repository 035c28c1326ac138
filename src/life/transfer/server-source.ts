/** An MLflow server, 2.x or 3.x, read through its REST calls. */

import { storePathOf } from "../../tracking/artifacts.ts";
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
  type WireExperiment,
  type WireLoggedModel,
  type WireMetric,
  type WireModel,
  type WireRun,
  type WireVersion,
} from "./wire.ts";

const API = "/api/2.0/mlflow";
const PAGE = 1000;
const HISTORY_PAGE = 25_000;

interface Listing {
  files?: { path: string; is_dir?: boolean; file_size?: number | string }[];
}

/** Every item of a paged call; `page` gets the token of the page before. */
async function* paged<T>(
  page: (token: string | undefined) => Promise<{ next_page_token?: string; items: T[] | undefined }>,
): AsyncGenerator<T> {
  let token: string | undefined;
  do {
    const { items, next_page_token } = await page(token);
    yield* items ?? [];
    token = next_page_token || undefined;
  } while (token !== undefined);
}

const withToken = (token: string | undefined) => (token === undefined ? {} : { page_token: token });

/** A folder's entries, and files, below a path of the artifact proxy. */
function proxiedFiles(rest: Rest, root: string): SourceFiles {
  const proxy = "/api/2.0/mlflow-artifacts/artifacts";
  const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");
  return {
    async list(folder) {
      const path = folder === "" ? root : `${root}/${folder}`;
      const { files = [] } = await rest.get<Listing>(proxy, { path });
      return files.map((file) => ({
        path: folder === "" ? file.path : `${folder}/${file.path}`,
        isFolder: file.is_dir ?? false,
        sizeBytes: Number(file.file_size ?? 0),
      }));
    },
    read: async (path) => (await rest.send("GET", `${proxy}/${encoded(`${root}/${path}`)}`)).body!,
  };
}

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

export function serverSource(rest: Rest): MlflowSource {
  return {
    name: rest.url,
    async *experiments() {
      for await (const wire of paged(async (token) => {
        const body = { max_results: PAGE, view_type: "ALL", ...withToken(token) };
        const page = await rest.post<{ experiments?: WireExperiment[]; next_page_token?: string }>(
          `${API}/experiments/search`,
          body,
        );
        return { ...page, items: page.experiments };
      }))
        yield experimentFrom(wire);
    },
    async *runs(experimentId) {
      for await (const wire of paged(async (token) => {
        const body = { experiment_ids: [experimentId], run_view_type: "ALL", max_results: PAGE, ...withToken(token) };
        const page = await rest.post<{ runs?: WireRun[]; next_page_token?: string }>(`${API}/runs/search`, body);
        return { ...page, items: page.runs };
      }))
        yield runFrom(wire);
    },
    async *history(runId, key) {
      let token: string | undefined;
      do {
        const query = { run_id: runId, metric_key: key, max_results: HISTORY_PAGE, page_token: token };
        const page = await rest.get<{ metrics?: WireMetric[]; next_page_token?: string }>(
          `${API}/metrics/get-history`,
          query,
        );
        yield (page.metrics ?? []).map(pointFrom);
        token = page.next_page_token || undefined;
      } while (token !== undefined);
    },
    async *loggedModels(experimentId) {
      try {
        for await (const wire of paged(async (token) => {
          const body = { experiment_ids: [experimentId], max_results: 50, ...withToken(token) };
          const page = await rest.post<{ models?: WireLoggedModel[]; next_page_token?: string }>(
            `${API}/logged-models/search`,
            body,
          );
          return { ...page, items: page.models };
        }))
          yield loggedModelFrom(wire);
      } catch (error) {
        // A 2.x server has none.
        if (!isStatus(error, 404)) throw error;
      }
    },
    traces: (experimentId) => serverTraces(rest, experimentId),
    async *models() {
      // A search leaves the aliases out in some releases.
      for await (const wire of paged(async (token) => {
        const query = { max_results: PAGE, page_token: token };
        const page = await rest.get<{ registered_models?: WireModel[]; next_page_token?: string }>(
          `${API}/registered-models/search`,
          query,
        );
        return { ...page, items: page.registered_models };
      }))
        yield modelFrom(
          (await rest.get<{ registered_model: WireModel }>(`${API}/registered-models/get`, { name: wire.name }))
            .registered_model,
        );
    },
    async *versions(model) {
      const filter = `name='${model.name.replaceAll("'", "''")}'`;
      for await (const wire of paged(async (token) => {
        const query = { filter, max_results: PAGE, order_by: ["version_number ASC"], page_token: token };
        const page = await rest.get<{ model_versions?: WireVersion[]; next_page_token?: string }>(
          `${API}/model-versions/search`,
          query,
        );
        return { ...page, items: page.model_versions };
      })) {
        const where = { name: wire.name, version: String(wire.version) };
        const { artifact_uri } = await rest.get<{ artifact_uri?: string }>(
          `${API}/model-versions/get-download-uri`,
          where,
        );
        yield versionFrom(wire, model, artifact_uri ?? wire.source ?? "");
      }
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

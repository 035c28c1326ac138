/** What another MLflow server has, page by page: read by imports, and by exports that look what is there already. */

import { isStatus, type Rest } from "./rest.ts";
import type { SourceFiles } from "./source.ts";
import type { WireExperiment, WireLoggedModel, WireMetric, WireModel, WireRun, WireVersion } from "./wire.ts";

export const API = "/api/2.0/mlflow";
const PROXY = "/api/2.0/mlflow-artifacts/artifacts";
const PAGE = 1000;
const HISTORY_PAGE = 25_000;
const PROMPTS = "tag.`mlflow.prompt.is_prompt` = 'true'";

type Paged = { next_page_token?: string };

/** Every item of a paged call; `page` gets the token of the page before. */
async function* paged<T>(
  page: (token: string | undefined) => Promise<Paged & { items: T[] | undefined }>,
): AsyncGenerator<T> {
  let token: string | undefined;
  do {
    const { items, next_page_token } = await page(token);
    yield* items ?? [];
    token = next_page_token || undefined;
  } while (token !== undefined);
}

const withToken = (token: string | undefined) => (token === undefined ? {} : { page_token: token });

/** Also the deleted ones. */
export const experimentsOf = (rest: Rest): AsyncGenerator<WireExperiment> =>
  paged(async (token) => {
    const body = { max_results: PAGE, view_type: "ALL", ...withToken(token) };
    const page = await rest.post<Paged & { experiments?: WireExperiment[] }>(`${API}/experiments/search`, body);
    return { ...page, items: page.experiments };
  });

/** Also the deleted ones. */
export const runsOf = (rest: Rest, experimentId: string, filter = ""): AsyncGenerator<WireRun> =>
  paged(async (token) => {
    const query = { experiment_ids: [experimentId], filter, run_view_type: "ALL", max_results: PAGE };
    const page = await rest.post<Paged & { runs?: WireRun[] }>(`${API}/runs/search`, { ...query, ...withToken(token) });
    return { ...page, items: page.runs };
  });

/** Pages of one metric's history. */
export async function* historyOf(rest: Rest, runId: string, key: string): AsyncGenerator<WireMetric[]> {
  let token: string | undefined;
  do {
    const query = { run_id: runId, metric_key: key, max_results: HISTORY_PAGE, page_token: token };
    const page = await rest.get<Paged & { metrics?: WireMetric[] }>(`${API}/metrics/get-history`, query);
    yield page.metrics ?? [];
    token = page.next_page_token || undefined;
  } while (token !== undefined);
}

/** Without the deleted ones. Rejects with status 404 where the server is of MLflow 2 and knows none. */
export const loggedModelsOf = (rest: Rest, experimentId: string, filter = ""): AsyncGenerator<WireLoggedModel> =>
  paged(async (token) => {
    const body = { experiment_ids: [experimentId], filter, max_results: 50, ...withToken(token) };
    const page = await rest.post<Paged & { models?: WireLoggedModel[] }>(`${API}/logged-models/search`, body);
    return { ...page, items: page.models };
  });

async function* models(rest: Rest, filter: string | undefined): AsyncGenerator<WireModel> {
  // A search leaves the aliases out in some releases.
  for await (const found of paged(async (token) => {
    const query = { filter, max_results: PAGE, page_token: token };
    const page = await rest.get<Paged & { registered_models?: WireModel[] }>(`${API}/registered-models/search`, query);
    return { ...page, items: page.registered_models };
  }))
    yield (await modelOf(rest, found.name)) ?? found;
}

/** Models, then prompts, which a search hides unless it asks for them. */
export async function* modelsOf(rest: Rest): AsyncGenerator<WireModel> {
  yield* models(rest, undefined);
  yield* models(rest, PROMPTS);
}

export async function modelOf(rest: Rest, name: string): Promise<WireModel | undefined> {
  try {
    return (await rest.get<{ registered_model: WireModel }>(`${API}/registered-models/get`, { name })).registered_model;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function* versions(rest: Rest, filter: string): AsyncGenerator<WireVersion> {
  yield* paged(async (token) => {
    const query = { filter, max_results: PAGE, order_by: ["version_number ASC"], page_token: token };
    const page = await rest.get<Paged & { model_versions?: WireVersion[] }>(`${API}/model-versions/search`, query);
    return { ...page, items: page.model_versions };
  });
}

export async function* versionsOf(rest: Rest, name: string): AsyncGenerator<WireVersion> {
  const named = `name='${name.replaceAll("'", "''")}'`;
  yield* versions(rest, named);
  yield* versions(rest, `${named} AND ${PROMPTS}`);
}

const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");
export const proxiedFile = (path: string): string => `${PROXY}/${encoded(path)}`;

/** A folder's entries, and files, below a path of the artifact proxy. */
export function proxiedFiles(rest: Rest, root: string): SourceFiles {
  return {
    async list(folder) {
      const path = folder === "" ? root : `${root}/${folder}`;
      const { files = [] } = await rest.get<Listing>(PROXY, { path });
      return files.map((file) => ({
        path: folder === "" ? file.path : `${folder}/${file.path}`,
        isFolder: file.is_dir ?? false,
        sizeBytes: Number(file.file_size ?? 0),
      }));
    },
    read: async (path) => (await rest.send("GET", proxiedFile(`${root}/${path}`))).body!,
  };
}

export interface Listing {
  files?: { path: string; is_dir?: boolean; file_size?: number | string }[];
}

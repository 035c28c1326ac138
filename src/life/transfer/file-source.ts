/**
 * MLflow's own SQLite file (`mlflow.db`, of 2.x or 3.x), read directly and never written. Files are read from where its rows
 * say, those behind MLflow's artifact proxy from the folder that the server kept them in (`mlartifacts` beside the file).
 */

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../../base/errors.ts";
import type { ModelVersion, Stage } from "../../registry/types.ts";
import { openArtifactStore } from "../../store/artifacts.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import type { DatasetInput, LoggedModel, Pair, Run, RunStatus } from "../../tracking/types.ts";
import type { MlflowSource, SourceFiles } from "./source.ts";
import { fileTraces } from "./traces.ts";

type Cells = Record<string, string | number | null>;

const HISTORY_PAGE = 25_000;
/** Of MLflow 3. */
const METRICS_INDEX = "index_metrics_run_uuid_key_step";
const MODEL_STATUS: Readonly<Record<number, LoggedModel["status"]>> = {
  1: "LOGGED_MODEL_PENDING",
  2: "LOGGED_MODEL_READY",
  3: "LOGGED_MODEL_UPLOAD_FAILED",
};

const text = (value: string | number | null | undefined): string => String(value ?? "");
const number = (value: string | number | null | undefined): number => Number(value ?? 0);
const lifecycle = (value: string | number | null | undefined) =>
  value === "deleted" ? ("deleted" as const) : ("active" as const);
const optional = <K extends string>(name: K, value: string | number | null | undefined) =>
  (value === null || value === undefined || value === "" ? {} : { [name]: String(value) }) as { [P in K]?: string };

/** The file's tables as rows; a table that this release of MLflow did not have is empty. */
function tablesOf(path: string) {
  let db: Database;
  try {
    db = new Database(path, { readonly: true, strict: true });
    db.query("SELECT name FROM sqlite_master").all();
  } catch (error) {
    throw fail("PEER_FAILED", {
      what: `not a SQLite database (${(error as Error).message})`,
      place: path,
      cause: error,
    });
  }
  const names = new Set(
    db
      .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map((row) => row.name),
  );
  if (!names.has("experiments") || !names.has("runs")) {
    db.close();
    throw fail("PEER_FAILED", {
      what: "the file has no tables of MLflow",
      place: path,
      mend: "name MLflow's backend store",
    });
  }
  const select = (columns: string, table: string, tail: string, ...params: (string | number)[]): Cells[] =>
    names.has(table)
      ? db.query<Cells, (string | number)[]>(`SELECT ${columns} FROM ${table} ${tail}`).all(...params)
      : [];
  const rows = (table: string, tail = "", ...params: (string | number)[]) => select("*", table, tail, ...params);
  const hasIndex = (name: string) => db.query("SELECT 1 FROM sqlite_master WHERE name = ?").get(name) !== null;
  return { rows, select, hasIndex, close: () => db.close() };
}

const pairsIn = (cells: readonly Cells[], key = "key", value = "value"): Pair[] =>
  cells.map((row) => ({ key: text(row[key]), value: text(row[value]) }));

/** `artifacts`: the folder of the artifact proxy; `mlartifacts` beside the file unless told. */
export function fileSource(path: string, artifacts?: string): MlflowSource {
  const file = resolve(path);
  if (!existsSync(file)) throw fail("FILE_NOT_FOUND", { what: "there is no such file", place: path });
  const { rows, select, hasIndex, close } = tablesOf(file);
  // Left to itself SQLite takes the primary key, which begins with the metric: it would read the points of all runs for each.
  const ofRun = hasIndex(METRICS_INDEX)
    ? `INDEXED BY ${METRICS_INDEX} WHERE run_uuid = ? AND key = ?`
    : "WHERE run_uuid = ? AND +key = ?";
  const proxied = artifacts === undefined ? join(dirname(file), "mlartifacts") : resolve(artifacts);

  const datasetsOf = (runId: string): DatasetInput[] =>
    rows("inputs", "WHERE destination_type = 'RUN' AND destination_id = ? AND source_type = 'DATASET'", runId).flatMap(
      (input) =>
        rows("datasets", "WHERE dataset_uuid = ?", text(input.source_id)).map((dataset) => ({
          tags: pairsIn(rows("input_tags", "WHERE input_uuid = ?", text(input.input_uuid)), "name"),
          dataset: {
            name: text(dataset.name),
            digest: text(dataset.digest),
            sourceType: text(dataset.dataset_source_type),
            source: text(dataset.dataset_source),
            ...optional("schema", dataset.dataset_schema),
            ...optional("profile", dataset.dataset_profile),
          },
        })),
    );

  const linksOf = (runId: string, type: string): Cells[] =>
    rows("inputs", "WHERE source_type = ? AND source_id = ?", type, runId);

  const runOf = (row: Cells): Run => {
    const runId = text(row.run_uuid);
    const pairs = (table: string) => pairsIn(rows(table, "WHERE run_uuid = ? ORDER BY key", runId));
    return {
      runId,
      name: text(row.name),
      experimentId: text(row.experiment_id),
      userId: text(row.user_id),
      status: text(row.status) as RunStatus,
      startMs: number(row.start_time),
      ...(row.end_time === null ? {} : { endMs: number(row.end_time) }),
      artifactUri: text(row.artifact_uri),
      lifecycle: lifecycle(row.lifecycle_stage),
      metrics: rows("latest_metrics", "WHERE run_uuid = ? ORDER BY key", runId).map(pointOf),
      params: pairs("params"),
      tags: pairs("tags"),
      datasets: datasetsOf(runId),
      modelInputs: linksOf(runId, "RUN_INPUT").map((link) => text(link.destination_id)),
      modelOutputs: linksOf(runId, "RUN_OUTPUT").map((link) => ({
        modelId: text(link.destination_id),
        step: number(link.step),
      })),
    };
  };

  const loggedModelOf = (row: Cells): LoggedModel => {
    const modelId = text(row.model_id);
    const metrics = rows("logged_model_metrics", "WHERE model_id = ?", modelId);
    return {
      modelId,
      experimentId: text(row.experiment_id),
      name: text(row.name),
      artifactUri: text(row.artifact_location),
      status: MODEL_STATUS[number(row.status)] ?? "LOGGED_MODEL_READY",
      modelType: text(row.model_type),
      sourceRunId: text(row.source_run_id),
      lifecycle: lifecycle(row.lifecycle_stage),
      createdMs: number(row.creation_timestamp_ms),
      updatedMs: number(row.last_updated_timestamp_ms),
      tags: pairsIn(rows("logged_model_tags", "WHERE model_id = ?", modelId), "tag_key", "tag_value"),
      params: pairsIn(rows("logged_model_params", "WHERE model_id = ?", modelId), "param_key", "param_value"),
      metrics: metrics.map((metric) => ({
        key: text(metric.metric_name),
        value: number(metric.metric_value),
        timestampMs: number(metric.metric_timestamp_ms),
        step: number(metric.metric_step),
        runId: text(metric.run_id),
        ...optional("datasetName", metric.dataset_name),
        ...optional("datasetDigest", metric.dataset_digest),
      })),
    };
  };

  const versionOf = (row: Cells, aliases: { alias: string; version: number }[]): ModelVersion => {
    const tags = rows("model_version_tags", "WHERE name = ? AND version = ?", text(row.name), number(row.version));
    return {
      name: text(row.name),
      version: number(row.version),
      source: text(row.source),
      storageUri: text(row.storage_location) || text(row.source),
      ...optional("runId", row.run_id),
      ...optional("runLink", row.run_link),
      ...optional("description", row.description),
      ...optional("userId", row.user_id),
      ...optional("statusMessage", row.status_message),
      status: text(row.status) || "READY",
      stage: (text(row.current_stage) || "None") as Stage,
      createdMs: number(row.creation_time),
      updatedMs: number(row.last_updated_time ?? row.creation_time),
      tags: pairsIn(tags),
      aliases: aliases.filter((alias) => alias.version === number(row.version)).map(({ alias }) => alias),
    };
  };

  return {
    name: file,
    async *experiments() {
      for (const row of rows("experiments", "ORDER BY experiment_id"))
        yield {
          experimentId: text(row.experiment_id),
          name: text(row.name),
          artifactLocation: text(row.artifact_location),
          lifecycle: lifecycle(row.lifecycle_stage),
          createdMs: number(row.creation_time),
          updatedMs: number(row.last_update_time),
          tags: pairsIn(rows("experiment_tags", "WHERE experiment_id = ?", number(row.experiment_id))),
        };
    },
    async *runs(experimentId) {
      for (const row of rows("runs", "WHERE experiment_id = ? ORDER BY start_time, run_uuid", Number(experimentId)))
        yield runOf(row);
    },
    async *history(runId, key) {
      const tail = `${ofRun} ORDER BY timestamp, step, value LIMIT ? OFFSET ?`;
      for (let offset = 0; ; offset += HISTORY_PAGE) {
        const page = rows("metrics", tail, runId, key, HISTORY_PAGE, offset);
        yield page.map(pointOf);
        if (page.length < HISTORY_PAGE) return;
      }
    },
    async *loggedModels(experimentId) {
      for (const row of rows("logged_models", "WHERE experiment_id = ?", Number(experimentId)))
        yield loggedModelOf(row);
    },
    async *traces(experimentId) {
      // As text: JavaScript's numbers would round nanoseconds.
      const nanoseconds = "CAST(start_time_unix_nano AS TEXT) AS start_ns, CAST(end_time_unix_nano AS TEXT) AS end_ns";
      const spans = (traceId: string) =>
        select(`content, ${nanoseconds}`, "spans", "WHERE trace_id = ? ORDER BY start_time_unix_nano", traceId);
      yield* fileTraces(rows, spans, experimentId);
    },
    async *models() {
      for (const row of rows("registered_models", "ORDER BY name"))
        yield {
          name: text(row.name),
          ...optional("description", row.description),
          createdMs: number(row.creation_time),
          updatedMs: number(row.last_updated_time ?? row.creation_time),
          tags: pairsIn(rows("registered_model_tags", "WHERE name = ?", text(row.name))),
          aliases: rows("registered_model_aliases", "WHERE name = ?", text(row.name)).map((alias) => ({
            alias: text(alias.alias),
            version: number(alias.version),
          })),
          latest: [],
        };
    },
    async *versions(model) {
      const kept = "WHERE name = ? AND current_stage <> 'Deleted_Internal' ORDER BY version";
      for (const row of rows("model_versions", kept, model.name)) yield versionOf(row, model.aliases);
    },
    files(_owner, rootUri) {
      const root = storePathOf(rootUri);
      if (root !== undefined) return filesIn(join(proxied, root));
      if (rootUri.startsWith("file:")) return filesIn(fileURLToPath(rootUri));
      // A relative place was relative to where MLflow ran, most often the file's own folder.
      return /^[a-z][a-z0-9+.-]+:/i.test(rootUri) ? undefined : filesIn(resolve(dirname(file), rootUri));
    },
    close,
  };
}

const pointOf = (row: Cells) => ({
  key: text(row.key),
  value: number(row.is_nan) === 1 ? Number.NaN : number(row.value),
  timestampMs: number(row.timestamp),
  step: number(row.step),
});

function filesIn(folder: string): SourceFiles {
  const store = openArtifactStore(folder);
  return { list: (path) => store.list(path), read: (path) => store.get(path) };
}

/** Logged models of MLflow 3: made by a run, finished when their files are there, deleted softly, tagged, searched. */

import { fail } from "../base/errors.ts";
import { randomId } from "../base/hash.ts";
import { checkFreeKey, checkLength, invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import type { Sql } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import { groupBy, inList } from "../db/lists.ts";
import { type DatasetFilter, type LoggedModelOrder, searchLoggedModelRows } from "../db/logged_model_search.ts";
import * as rows from "../db/logged_models.ts";
import { readFilter, readOrder } from "../db/search/grammar.ts";
import { pageOf, positionIn } from "../db/token.ts";
import { mustBeActive } from "./experiments.ts";
import { LOGGED_MODEL_GRAMMAR } from "./filter.ts";
import { randomName } from "./names.ts";
import type { LoggedModel, Page, Pair, TrackingOptions, Who } from "./types.ts";
import { checkedModelParam, experimentNumber, pageSize } from "./validate.ts";

export interface NewLoggedModel {
  experimentId: string;
  name?: string;
  modelType?: string;
  sourceRunId?: string;
  params?: readonly Pair[];
  tags?: readonly Pair[];
}

export interface LoggedModelSearch {
  experimentIds: readonly string[];
  filter?: string;
  datasets?: readonly DatasetFilter[];
  orderBy?: readonly { field: string; descending: boolean; dataset?: { name?: string; digest?: string } }[];
  /** 100 unless told. */
  maxResults?: number;
  pageToken?: string;
}

export async function mustFindLoggedModel(sql: Sql, modelId: string, deletedToo = false): Promise<rows.LoggedModelRow> {
  const row = await rows.loggedModelById(sql, modelId);
  if (!row || (row.lifecycle === "deleted" && !deletedToo))
    throw fail("NOT_FOUND", { what: `Logged model with ID '${modelId}' not found.` });
  return row;
}

function checkName(name: string): void {
  if (name === "" || /[/:.%"'`]/.test(name))
    throw invalid(
      `Invalid model name ('${name}') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'", '\`')`,
    );
  checkLength("Model name", LIMITS.modelNameChars, name);
}

function checkedTag(tag: Pair): Pair {
  checkFreeKey(tag.key);
  checkLength("Tag value", LIMITS.registryTagChars, tag.value);
  return tag;
}

async function read(sql: Sql, found: readonly rows.LoggedModelRow[]): Promise<LoggedModel[]> {
  const seqs = found.map((row) => row.seq);
  const of = (row: { model_seq: number }) => Number(row.model_seq);
  const tags = groupBy(await rows.loggedModelTagsOf(sql, seqs), of);
  const params = groupBy(await rows.loggedModelParamsOf(sql, seqs), of);
  const metrics = groupBy(await rows.loggedModelMetricsOf(sql, seqs), of);
  return found.map((row) => {
    const seq = Number(row.seq);
    return {
      modelId: row.model_id,
      experimentId: String(row.experiment_id),
      name: row.name,
      artifactUri: row.artifact_uri,
      status: row.status,
      modelType: row.model_type,
      sourceRunId: row.source_run_id,
      lifecycle: row.lifecycle,
      createdMs: Number(row.created_ms),
      updatedMs: Number(row.updated_ms),
      tags: (tags.get(seq) ?? []).map(({ key, value }) => ({ key, value })),
      params: (params.get(seq) ?? []).map(({ key, value }) => ({ key, value })),
      metrics: (metrics.get(seq) ?? []).map((m) => ({
        key: m.key,
        value: m.is_nan ? Number.NaN : m.value,
        timestampMs: Number(m.timestamp_ms),
        step: Number(m.step),
        runId: m.run_id,
        modelId: row.model_id,
        ...(m.dataset_name === "" ? {} : { datasetName: m.dataset_name }),
        ...(m.dataset_digest === "" ? {} : { datasetDigest: m.dataset_digest }),
      })),
    };
  });
}

/** The order's fields in the language of the grammar, each with its dataset. */
function orderOf(orderBy: LoggedModelSearch["orderBy"] = []): LoggedModelOrder[] {
  return orderBy.map(({ field, descending, dataset }) => {
    const [prefix, ...rest] = field.split(".");
    // Keys may hold what the language would want quoted.
    const quoted = rest.length === 0 ? field : `${prefix}.\`${rest.join(".").replaceAll("`", "")}\``;
    const [order] = readOrder(LOGGED_MODEL_GRAMMAR, [quoted]);
    return { ...order!, entity: order!.entity as "attribute" | "metric", descending, ...(dataset ? { dataset } : {}) };
  });
}

export function createLoggedModels({ db, clock }: TrackingOptions) {
  const change = (modelId: string, work: (sql: Sql, row: rows.LoggedModelRow) => Promise<unknown>) =>
    db.write(async (sql) => {
      await work(sql, await mustFindLoggedModel(sql, modelId));
    }, "logged");

  async function getLoggedModel(modelId: string, options: { deletedToo?: boolean } = {}): Promise<LoggedModel> {
    return (await read(db, [await mustFindLoggedModel(db, modelId, options.deletedToo)]))[0]!;
  }

  return {
    /** A model that is pending until it is finished; its artifacts go to `<experiment>/models/<id>/artifacts`. */
    async createLoggedModel(made: NewLoggedModel): Promise<LoggedModel> {
      if (made.name !== undefined) checkName(made.name);
      const params = (made.params ?? []).map(checkedModelParam);
      const tags = (made.tags ?? []).map(checkedTag);
      return db.write(async (sql) => {
        const experiment = await mustBeActive(sql, made.experimentId);
        const modelId = `m-${randomId()}`;
        const nowMs = clock.nowMs();
        const row: Omit<rows.LoggedModelRow, "seq"> = {
          model_id: modelId,
          experiment_id: experiment.experiment_id,
          name: made.name ?? randomName(),
          artifact_uri: `${experiment.artifact_location.replace(/\/+$/, "")}/models/${modelId}/artifacts`,
          status: "LOGGED_MODEL_PENDING",
          model_type: made.modelType ?? "",
          source_run_id: made.sourceRunId ?? "",
          lifecycle: "active",
          created_ms: nowMs,
          updated_ms: nowMs,
        };
        const seq = await rows.insertLoggedModel(sql, row);
        await rows.putLoggedModelParams(sql, seq, params);
        await rows.putLoggedModelTags(sql, seq, tags);
        return (await read(sql, [{ ...row, seq }]))[0]!;
      }, "logged");
    },

    /** NOT_FOUND, also for a deleted one unless `deletedToo`. */
    getLoggedModel,

    async finishLoggedModel(modelId: string, status: rows.LoggedModelStatus): Promise<LoggedModel> {
      await change(modelId, (sql, row) => rows.setLoggedModelStatus(sql, row.seq, status, clock.nowMs()));
      return getLoggedModel(modelId);
    },

    /** Softly; a second time changes nothing. */
    async deleteLoggedModel(modelId: string, who?: Who): Promise<void> {
      await db.write(async (sql) => {
        const row = await mustFindLoggedModel(sql, modelId, true);
        if (row.lifecycle === "deleted") return;
        await rows.deleteLoggedModelRow(sql, row.seq, clock.nowMs());
        const event = { kind: "logged_model.deleted", subject: `logged_model/${modelId}` };
        await appendEvent(sql, { ...event, actor: who?.actor ?? "local", reason: who?.reason ?? "" }, clock.nowMs());
      });
    },

    /** A param that is there with another value is INVALID. */
    async logModelParams(modelId: string, params: readonly Pair[]): Promise<void> {
      const checked = params.map(checkedModelParam);
      await change(modelId, async (sql, row) => {
        const known = new Map((await rows.loggedModelParamsOf(sql, [row.seq])).map((p) => [p.key, p.value]));
        const changed = checked.find((p) => known.has(p.key) && known.get(p.key) !== p.value);
        if (changed)
          throw invalid(
            `Changing param values is not allowed. Param with key='${changed.key}' was already logged with value='${known.get(changed.key)}' for model ID='${modelId}'.`,
          );
        await rows.putLoggedModelParams(sql, row.seq, checked);
      });
    },

    async setLoggedModelTags(modelId: string, tags: readonly Pair[]): Promise<void> {
      const checked = tags.map(checkedTag);
      await change(modelId, (sql, row) => rows.putLoggedModelTags(sql, row.seq, checked));
    },

    /** NOT_FOUND when the model has no such tag. */
    async deleteLoggedModelTag(modelId: string, key: string): Promise<void> {
      await change(modelId, async (sql, row) => {
        if ((await rows.deleteLoggedModelTag(sql, row.seq, key)) === 0)
          throw fail("NOT_FOUND", { what: `No tag with key ${JSON.stringify(key)} for model with ID '${modelId}'.` });
      });
    },

    /** Newest first unless told. Metrics may be confined to datasets, in the filter and in each element of the order. */
    async searchLoggedModels(query: LoggedModelSearch): Promise<Page<LoggedModel>> {
      if (query.experimentIds.length === 0) return { items: [] };
      const limit = pageSize(query.maxResults || 100, LIMITS.searchRuns);
      const ids = inList([...new Set(query.experimentIds.map(experimentNumber))].sort((a, b) => a - b));
      const clauses = readFilter(LOGGED_MODEL_GRAMMAR, query.filter ?? "");
      const datasets = query.datasets ?? [];
      const order = orderOf(query.orderBy);
      const same = ["logged_models", ids.params.map(Number), clauses, datasets, order];
      const after = positionIn(query.pageToken, same);
      const experimentIds = { sql: `IN ${ids.sql}`, params: ids.params };
      const found = await searchLoggedModelRows(db, {
        experimentIds,
        clauses,
        datasets,
        order,
        limit: limit + 1,
        after,
      });
      const page = pageOf(found, limit, same);
      return {
        ...page,
        items: await read(
          db,
          page.items.map((one) => one.row),
        ),
      };
    },
  };
}

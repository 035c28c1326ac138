/**
 * Search over registered models and versions in MLflow's filter and order_by language. Prompts, which MLflow keeps as models
 * with a tag, are hidden unless the filter speaks of that tag.
 */

import { invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import { inList } from "../db/lists.ts";
import { type ModelRow, SEARCHED_MODELS } from "../db/models.ts";
import {
  type Clause,
  type Grammar,
  NUMERIC,
  readFilter,
  readOrder,
  TEXT_OR_LIST,
  TEXTUAL,
} from "../db/search/grammar.ts";
import type { Piece } from "../db/search/sql.ts";
import { type SearchedTable, searchTable, tableTest } from "../db/search/table.ts";
import { pageOf, positionIn } from "../db/token.ts";
import { SEARCHED_VERSIONS, type VersionRow } from "../db/versions.ts";
import { readModels, readVersions } from "./read.ts";
import type { ModelVersion, RegisteredModel, RegistryOptions } from "./types.ts";

const PROMPT_TAG = "mlflow.prompt.is_prompt";

const tag = {
  names: ["tags", "tag"],
  keys: { kind: "text", comparators: TEXTUAL, order: false },
} as const;
const time = { kind: "number", comparators: NUMERIC } as const;

const MODEL_GRAMMAR: Grammar = {
  bare: "attribute",
  repeatedOrder: true,
  entities: {
    attribute: {
      names: ["attribute"],
      keys: {
        name: { kind: "text", comparators: TEXT_OR_LIST },
        creation_timestamp: time,
        last_updated_timestamp: { ...time, also: ["timestamp"] },
      },
    },
    tag,
  },
};

const VERSION_GRAMMAR: Grammar = {
  bare: "attribute",
  repeatedOrder: true,
  entities: {
    attribute: {
      names: ["attribute"],
      keys: {
        name: { kind: "text", comparators: TEXT_OR_LIST },
        run_id: { kind: "text", comparators: TEXT_OR_LIST, order: false },
        source_path: { kind: "text", comparators: TEXT_OR_LIST, order: false },
        version_number: { kind: "number", comparators: NUMERIC },
        creation_timestamp: time,
        last_updated_timestamp: time,
      },
    },
    tag,
  },
};

export interface RegistrySearch {
  filter?: string;
  orderBy?: readonly string[];
  /** 100 unless told for models, 10,000 for versions. */
  maxResults?: number;
  pageToken?: string;
  /** Only models of these names. */
  only?: readonly string[];
}

export interface RegistryPage<T> {
  items: T[];
  nextPageToken?: string;
}

function onlyNames(spec: SearchedTable, names: readonly string[] | undefined): Piece[] {
  if (names === undefined) return [];
  const list = inList(names);
  return [{ sql: `${spec.table}.name IN ${list.sql}`, params: list.params }];
}

export function createSearch({ db, modelsDir }: RegistryOptions) {
  const isPrompt = (clause: Clause) => clause.entity === "tag" && clause.key === PROMPT_TAG;

  /** "Is not a prompt" holds for what lacks the tag. */
  function notPrompt(spec: SearchedTable): Piece {
    const test = tableTest(db, spec, { entity: "tag", key: PROMPT_TAG, comparator: "=", value: "true" });
    return { sql: `NOT ${test.sql}`, params: test.params };
  }

  async function search<T>(
    grammar: Grammar,
    spec: SearchedTable,
    query: RegistrySearch,
    limits: { usual: number; most: number; where: Piece[] },
  ): Promise<RegistryPage<T>> {
    const limit = query.maxResults ?? limits.usual;
    if (!Number.isInteger(limit) || limit < 0 || limit > limits.most)
      throw invalid(
        `Invalid value for request parameter max_results. It must be at least 0 and at most ${limits.most}, but got value ${limit}`,
      );
    const all = readFilter(grammar, query.filter ?? "");
    const order = readOrder(grammar, query.orderBy ?? []);
    const hidden = !all.some(isPrompt) || all.some((c) => isPrompt(c) && c.comparator === "!=" && c.value === "true");
    const clauses = all.filter((c) => !(isPrompt(c) && c.comparator === "!=" && c.value === "true"));
    if (query.only?.length === 0) return { items: [] };
    const where = [...limits.where, ...(hidden ? [notPrompt(spec)] : []), ...onlyNames(spec, query.only)];
    const same = [spec.table, all, order];
    const after = positionIn(query.pageToken, same);
    const page = pageOf(
      await searchTable<T>(db, spec, { clauses, order, where, limit: limit + 1, after }),
      limit,
      same,
    );
    return { ...page, items: page.items.map((one) => one.row) };
  }

  return {
    /** By name unless told. */
    async searchModels(query: RegistrySearch = {}): Promise<RegistryPage<RegisteredModel>> {
      const limits = { usual: 100, most: LIMITS.searchModels, where: [] };
      const page = await search<ModelRow>(MODEL_GRAMMAR, SEARCHED_MODELS, query, limits);
      return { ...page, items: await readModels(db, modelsDir, page.items) };
    },

    /** Last changed first unless told; without the deleted ones. */
    async searchVersions(query: RegistrySearch = {}): Promise<RegistryPage<ModelVersion>> {
      const where = [{ sql: "model_versions.deleted_ms IS NULL", params: [] }];
      const limits = { usual: 10_000, most: LIMITS.searchVersions, where };
      const page = await search<VersionRow>(VERSION_GRAMMAR, SEARCHED_VERSIONS, query, limits);
      return { ...page, items: await readVersions(db, modelsDir, page.items) };
    },
  };
}

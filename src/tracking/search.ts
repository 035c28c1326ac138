/**
 * Search over runs and experiments in MLflow's filter and order_by language. Pages are kept by position, so the thousandth
 * costs what the first does, and runs that are added meanwhile neither repeat nor hide others.
 */

import { invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import { type ExperimentRow, inProjectSql, SEARCHED_EXPERIMENTS } from "../db/experiments.ts";
import { inList } from "../db/lists.ts";
import { datasetSummaries } from "../db/run_inputs.ts";
import { searchRunRows } from "../db/run_search.ts";
import { type Clause, readFilter, readOrder } from "../db/search/grammar.ts";
import type { Piece } from "../db/search/sql.ts";
import { searchTable } from "../db/search/table.ts";
import { pageOf, positionIn } from "../db/token.ts";
import { withTags } from "./experiments.ts";
import { EXPERIMENT_GRAMMAR, RUN_GRAMMAR } from "./filter.ts";
import { inProject } from "./projects.ts";
import { readRuns } from "./read.ts";
import type { Experiment, Lifecycle, Page, Run, TrackingOptions } from "./types.ts";
import { experimentNumber, pageSize } from "./validate.ts";

interface Search {
  filter?: string;
  /** "metrics.f1 DESC", "start_time", … */
  orderBy?: readonly string[];
  /** Only the active unless told. */
  lifecycle?: Lifecycle | "all";
  /** 1000 unless told; 1 to 50,000. */
  maxResults?: number;
  pageToken?: string;
}

export interface RunSearch extends Search {
  experimentIds: readonly string[];
}

export interface ExperimentSearch extends Search {
  /** Only these ids. */
  only?: readonly string[];
  /** Only in this project, "" for those in none; the filter then speaks of names inside it. */
  project?: string;
}

export interface DatasetSummary {
  experimentId: string;
  name: string;
  digest: string;
  /** "" when the run said none. */
  context: string;
}

/** A project's name has no character that LIKE reads as a wildcard. */
const wholeNames = (clause: Clause, project = ""): Clause =>
  clause.entity === "attribute" && clause.key === "name" && typeof clause.value === "string"
    ? { ...clause, value: inProject(project, clause.value) }
    : clause;

export function createSearch({ db }: TrackingOptions) {
  return {
    /** Newest first unless told; what an element of the order lacks comes last, after NaN. */
    async searchRuns(query: RunSearch): Promise<Page<Run>> {
      const limit = pageSize(query.maxResults ?? 1000, LIMITS.searchRuns);
      const experimentIds = [...new Set(query.experimentIds.map(experimentNumber))].sort((a, b) => a - b);
      const clauses = readFilter(RUN_GRAMMAR, query.filter ?? "");
      const order = readOrder(RUN_GRAMMAR, query.orderBy ?? []);
      const lifecycle = query.lifecycle ?? "active";
      const same = ["runs", experimentIds, clauses, order, lifecycle];
      const after = positionIn(query.pageToken, same);
      const found = await searchRunRows(db, { experimentIds, lifecycle, clauses, order, limit: limit + 1, after });
      const page = pageOf(found, limit, same);
      return {
        ...page,
        items: await readRuns(
          db,
          page.items.map((one) => one.row),
        ),
      };
    },

    /** Newest first unless told. */
    async searchExperiments(query: ExperimentSearch): Promise<Page<Experiment>> {
      const limit = pageSize(query.maxResults ?? 1000, LIMITS.searchRuns);
      const { project } = query;
      const clauses = readFilter(EXPERIMENT_GRAMMAR, query.filter ?? "").map((clause) => wholeNames(clause, project));
      const order = readOrder(EXPERIMENT_GRAMMAR, query.orderBy ?? []);
      const lifecycle = query.lifecycle ?? "active";
      const same = ["experiments", clauses, order, lifecycle, project ?? null];
      const after = positionIn(query.pageToken, same);
      const where: Piece[] = lifecycle === "all" ? [] : [{ sql: "experiments.lifecycle = ?", params: [lifecycle] }];
      if (project !== undefined) where.push(inProjectSql(project));
      if (query.only !== undefined) {
        if (query.only.length === 0) return { items: [] };
        const list = inList(query.only.map(experimentNumber));
        where.push({ sql: `experiments.experiment_id IN ${list.sql}`, params: list.params });
      }
      const found = await searchTable<ExperimentRow>(db, SEARCHED_EXPERIMENTS, {
        clauses,
        order,
        where,
        limit: limit + 1,
        after,
      });
      const page = pageOf(found, limit, same);
      return {
        ...page,
        items: await withTags(
          db,
          page.items.map((one) => one.row),
        ),
      };
    },

    /** Datasets that active runs of 1 to 20 experiments have read, each once for each context. */
    async searchDatasets(experimentIds: readonly string[]): Promise<DatasetSummary[]> {
      if (experimentIds.length < 1 || experimentIds.length > LIMITS.searchDatasetExperiments)
        throw invalid(
          `SearchDatasets request must specify at least one and at most ${LIMITS.searchDatasetExperiments} experiment_ids. Received ${experimentIds.length} experiment_ids.`,
        );
      const rows = await datasetSummaries(db, experimentIds.map(experimentNumber));
      return rows.map(({ experiment_id, ...rest }) => ({ experimentId: String(experiment_id), ...rest }));
    },
  };
}

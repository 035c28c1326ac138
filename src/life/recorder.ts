/** Pipeline runs as tracked runs: experiment = the pipeline, tags = lineage (Git, data, trigger, environment). */

import { hostname } from "node:os";
import { VERSION } from "../base/version.ts";
import type { DatasetVersion } from "../db/datasets.ts";
import type { RunRecorder, StepRecorder } from "../pipeline/types.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { DatasetInput, Pair } from "../tracking/types.ts";
import { gitState } from "./git.ts";

/** Tag names; `mlflow.*` are the ones that MLflow's own tools read. */
export const TAGS = {
  trigger: "trimtab.trigger",
  pipeline: "trimtab.pipeline",
  data: "trimtab.data.",
  dirty: "trimtab.git.dirty",
  environment: "trimtab.env.",
  digest: "trimtab.digest",
  /** Of a version: the hash of its whole folder as it was published. */
  files: "trimtab.files",
  commit: "mlflow.source.git.commit",
  branch: "mlflow.source.git.branch",
  user: "mlflow.user",
  parent: "mlflow.parentRunId",
  source: "mlflow.source.name",
} as const;

/** A dataset version as MLflow's clients show it. */
const inputOf = ({ name, hash, uri, rows, columns }: DatasetVersion): DatasetInput => ({
  dataset: {
    name,
    digest: hash,
    sourceType: "local",
    source: JSON.stringify({ uri }),
    schema: JSON.stringify({ columns }),
    profile: JSON.stringify({ num_rows: rows }),
  },
  tags: [{ key: "mlflow.data.context", value: "training" }],
});

const pairs = (map: Record<string, string>): Pair[] => Object.entries(map).map(([key, value]) => ({ key, value }));

/** What the run was made with; a person compares it between runs. */
const environmentTags = (): Record<string, string> => ({
  [`${TAGS.environment}trimtab`]: VERSION,
  [`${TAGS.environment}bun`]: Bun.version,
  [`${TAGS.environment}platform`]: `${process.platform}-${process.arch}`,
  [`${TAGS.environment}host`]: hostname(),
});

/** What the steps' environment gets besides, for a run that has begun. */
export type ChildEnv = (runId: string, experimentId: string) => Promise<Record<string, string>>;

/** `datasets`: the versions that the run will read. `childEnv`: for MLflow calls inside the steps. */
export function createRecorder(options: {
  tracking: Tracking;
  datasets: () => Promise<DatasetVersion[]>;
  actor: string;
  childEnv: ChildEnv;
}): RunRecorder {
  const { tracking } = options;
  let runId = "";
  let runEnv: Record<string, string> = {};
  /** What the runs inside this one are made from too. */
  let lineage: { tags: Record<string, string>; datasets: DatasetInput[] } = { tags: {}, datasets: [] };
  const writer = (id: () => string): StepRecorder => ({
    param: (name, value) => tracking.logBatch(id(), { params: [{ key: name, value }] }),
    metric: (name, value, step = 0) =>
      tracking.logBatch(id(), { metrics: [{ key: name, value, step, timestampMs: Date.now() }] }),
  });
  const end = async (id: string, status: "FINISHED" | "FAILED" | "KILLED"): Promise<void> => {
    await tracking.updateRun(id, { status, endMs: Date.now() });
  };
  return {
    ...writer(() => runId),
    async begin({ pipeline, trigger, params, parentRunId }) {
      const experimentId = await tracking.ensurePipelineExperiment(pipeline.model);
      const [git, datasets] = await Promise.all([gitState(pipeline.root), options.datasets()]);
      const tags: Record<string, string> = {
        [TAGS.pipeline]: pipeline.file,
        [TAGS.source]: pipeline.file,
        [TAGS.user]: options.actor,
        ...environmentTags(),
        ...(git ? { [TAGS.commit]: git.commit, [TAGS.dirty]: String(git.dirty) } : {}),
        ...(git?.branch ? { [TAGS.branch]: git.branch } : {}),
        ...Object.fromEntries(datasets.map(({ name, hash }) => [TAGS.data + name, hash])),
      };
      lineage = { tags, datasets: datasets.map(inputOf) };
      const own = { [TAGS.trigger]: trigger, ...(parentRunId ? { [TAGS.parent]: parentRunId } : {}) };
      const run = await tracking.createRun({ experimentId, tags: pairs({ ...tags, ...own }), user: options.actor });
      runId = run.runId;
      await tracking.logBatch(runId, { params: pairs(params) });
      await tracking.logInputs(runId, { datasets: lineage.datasets });
      runEnv = await options.childEnv(runId, experimentId);
      return { runId, env: runEnv };
    },
    tag: (name, value) => tracking.logBatch(runId, { tags: [{ key: name, value }] }),
    async nested({ name, params }) {
      const { experimentId } = await tracking.getRun(runId);
      const tags = pairs({ ...lineage.tags, [TAGS.parent]: runId });
      const { runId: id } = await tracking.createRun({ experimentId, name, tags, user: options.actor });
      await tracking.logBatch(id, { params: pairs(params) });
      await tracking.logInputs(id, { datasets: lineage.datasets });
      return {
        ...writer(() => id),
        runId: id,
        env: "MLFLOW_RUN_ID" in runEnv ? { MLFLOW_RUN_ID: id } : {},
        metrics: async () => Object.fromEntries((await tracking.getRun(id)).metrics.map((m) => [m.key, m.value])),
        end: (status) => end(id, status),
      };
    },
    async abandon(pipeline, id) {
      const experimentId = await tracking.findPipelineExperiment(pipeline.model);
      const experimentIds = experimentId === undefined ? [] : [experimentId];
      for (const filter of [`run_id = '${id}'`, `tags."${TAGS.parent}" = '${id}'`]) {
        const { items } = await tracking.searchRuns({ experimentIds, filter: `${filter} AND status = 'RUNNING'` });
        for (const run of items) await end(run.runId, "KILLED");
      }
    },
    end,
  };
}

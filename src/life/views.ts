/** Runs, versions and lineage as the CLI, the API and the page show them: tracking and registry joined. */

import { isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { experimentIds, experimentNames, modelNames } from "../db/names.ts";
import type { Verdict } from "../registry/gate.ts";
import type { Lineage } from "../registry/lineage.ts";
import type { RegisteredModel } from "../registry/types.ts";
import { currentDeployment } from "../serving/deployment.ts";
import { type CompareRow, compareRuns } from "../tracking/compare.ts";
import type { MetricHistory } from "../tracking/history.ts";
import type { Pair, Run } from "../tracking/types.ts";
import type { Life } from "./context.ts";
import { verdictOf } from "./gate.ts";
import { TAGS } from "./recorder.ts";

const mapOf = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

export interface RunView {
  id: string;
  name: string;
  /** Its name. */
  experiment: string;
  status: string;
  trigger: string | undefined;
  started: string;
  durationMs: number | undefined;
  params: Record<string, string>;
  metrics: Record<string, number>;
  tags: Record<string, string>;
  /** Name → digest. */
  data: Record<string, string>;
  /** The run that this one is a part of. */
  parentId: string | undefined;
}

const view = (run: Run, experiment: string): RunView => ({
  id: run.runId,
  name: run.name,
  experiment,
  status: run.status,
  trigger: run.tags.find((tag) => tag.key === TAGS.trigger)?.value,
  started: isoTime(run.startMs),
  durationMs: run.endMs === undefined ? undefined : run.endMs - run.startMs,
  params: mapOf(run.params),
  metrics: metricsOf(run),
  tags: mapOf(run.tags),
  data: Object.fromEntries(run.datasets.map(({ dataset }) => [dataset.name, dataset.digest])),
  parentId: run.tags.find((tag) => tag.key === TAGS.parent)?.value,
});

const metricsOf = (run: Run): Record<string, number> =>
  Object.fromEntries(run.metrics.map(({ key, value }) => [key, value]));

async function viewsOf(life: Life, runs: readonly Run[]): Promise<RunView[]> {
  const names = await experimentNames(
    life.db,
    runs.map((run) => run.experimentId),
  );
  return runs.map((run) => view(run, names.get(run.experimentId) ?? ""));
}

/** Runs of all experiments or of one project's ("": of those in none), newest first. */
export async function runViews(life: Life, options: { limit?: number; project?: string } = {}): Promise<RunView[]> {
  const ids = await experimentIds(life.db, options.project);
  const { items } = await life.tracking.searchRuns({ experimentIds: ids, maxResults: options.limit ?? 20 });
  return viewsOf(life, items);
}

/** Up to three runs of each sort that the text means: the beginning of an id, or a name. */
async function runsCalled(life: Life, text: string): Promise<Run[]> {
  const ids = await experimentIds(life.db);
  const search = async (filter: string) =>
    (await life.tracking.searchRuns({ experimentIds: ids, filter, maxResults: 3 })).items;
  const quoted = text.includes("'") ? `"${text}"` : `'${text}'`;
  const named = await search(`run_name = ${quoted}`);
  const begun = /^[0-9a-f]+$/.test(text) ? await search(`run_id LIKE '${text}%'`) : [];
  return [...named, ...begun.filter((run) => !named.some((other) => other.runId === run.runId))];
}

/** One run by its id, its name or the unambiguous beginning of it. */
export async function runView(life: Life, id: string): Promise<RunView> {
  const one = async (run: Run): Promise<RunView> => (await viewsOf(life, [run]))[0]!;
  if (/^[0-9a-f]{32}$/.test(id)) return one(await life.tracking.getRun(id));
  const matches = await runsCalled(life, id);
  if (matches.length === 1) return one(matches[0]!);
  if (matches.length === 0) throw fail("NOT_FOUND", { what: `there is no run ${id}`, mend: "see trimtab runs list" });
  const some = matches.slice(0, 3).map((run) => run.runId);
  throw fail("NOT_FOUND", { what: `several runs are called or begin with ${id}`, mend: `write ${some.join(" or ")}` });
}

export interface CompareQuery {
  /** Rows that are equal too. */
  all?: boolean;
  /** Only the histories of these metrics; default: all that have more than one point. */
  metrics?: readonly string[];
  /** Points kept of each history. */
  points?: number;
}

/** What differs between runs, in the order asked for. Throws INVALID for fewer than two. */
export async function compareView(
  life: Life,
  ids: readonly string[],
  { all = false, metrics, points = 200 }: CompareQuery = {},
): Promise<{ runs: RunView[]; differences: CompareRow[]; histories: MetricHistory[] }> {
  if (ids.length < 2) throw fail("INVALID", { what: "comparing takes two runs or more", mend: "name two run ids" });
  const views = await Promise.all(ids.map((id) => runView(life, id)));
  const runIds = views.map((run) => run.id);
  const runs = await life.tracking.getRuns(runIds);
  const histories = await life.tracking.metricHistories(runIds, {
    maxPoints: points,
    ...(metrics && metrics.length > 0 ? { keys: metrics } : {}),
  });
  return { runs: views, differences: compareRuns(runs).filter((row) => all || !row.same), histories };
}

export interface VersionView {
  version: number;
  created: string;
  runId: string | undefined;
  folder: string | undefined;
  aliases: string[];
  gate: "passed" | "refused" | "pending";
  verdict: Verdict | undefined;
  /** Share of the traffic in percent; 0 when it does not serve. */
  trafficPercent: number;
  metrics: Record<string, number>;
}

/** Registered models by name. */
export const modelViews = async (life: Life): Promise<RegisteredModel[]> =>
  Promise.all((await modelNames(life.db)).map((name) => life.registry.getModel(name)));

/** A pipeline's versions: none before its first run. */
export const ownVersionViews = async (life: Life, model: string): Promise<VersionView[]> =>
  (await modelNames(life.db)).includes(model) ? versionViews(life, model) : [];

/** A model's versions, newest first. Throws NOT_FOUND when there is no such model. */
export async function versionViews(life: Life, name: string): Promise<VersionView[]> {
  const [versions, deployment] = await Promise.all([
    life.registry.listVersions(name),
    // Which versions there are does not hang on a manifest that may be damaged; status tells of that.
    currentDeployment(life.workspace.deploy, name).catch(() => undefined),
  ]);
  return Promise.all(
    versions.reverse().map(async (version) => {
      const verdict = await verdictOf(life, version);
      const run = version.runId ? await life.tracking.getRun(version.runId) : undefined;
      return {
        version: version.version,
        created: isoTime(version.createdMs),
        runId: version.runId,
        folder: version.folder,
        aliases: version.aliases,
        gate: verdict ? (verdict.pass ? "passed" : "refused") : "pending",
        verdict,
        trafficPercent: deployment?.models.find((served) => served.version === version.version)?.weight ?? 0,
        metrics: run ? metricsOf(run) : {},
      } satisfies VersionView;
    }),
  );
}

/** What a version was made from: run, code, data, parameters, verdicts. Throws NOT_FOUND. */
export const lineageOf = (life: Life, model: string, version: number): Promise<Lineage> =>
  life.registry.lineage(model, version);

/** Runs, versions and lineage as the CLI, the API and the page show them: tracking and registry joined. */

import { isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { experimentIds, modelNames } from "../db/names.ts";
import type { Verdict } from "../registry/gate.ts";
import type { Lineage } from "../registry/lineage.ts";
import type { RegisteredModel } from "../registry/types.ts";
import { currentDeployment } from "../serving/deployment.ts";
import { type CompareRow, compareRuns } from "../tracking/compare.ts";
import type { Pair, Run } from "../tracking/types.ts";
import type { Life } from "./context.ts";
import { verdictOf } from "./gate.ts";
import { TAGS } from "./recorder.ts";

const mapOf = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

export interface RunView {
  id: string;
  name: string;
  status: string;
  trigger: string | undefined;
  started: string;
  durationMs: number | undefined;
  params: Record<string, string>;
  metrics: Record<string, number>;
  tags: Record<string, string>;
}

const view = (run: Run): RunView => ({
  id: run.runId,
  name: run.name,
  status: run.status,
  trigger: run.tags.find((tag) => tag.key === TAGS.trigger)?.value,
  started: isoTime(run.startMs),
  durationMs: run.endMs === undefined ? undefined : run.endMs - run.startMs,
  params: mapOf(run.params),
  metrics: Object.fromEntries(run.metrics.map(({ key, value }) => [key, value])),
  tags: mapOf(run.tags),
});

/** Runs of all pipelines, newest first. */
export async function runViews(life: Life, options: { limit?: number } = {}): Promise<RunView[]> {
  const ids = await experimentIds(life.db);
  const { items } = await life.tracking.searchRuns({ experimentIds: ids, maxResults: options.limit ?? 20 });
  return items.map(view);
}

/** One run by its id or the unambiguous beginning of it. */
export async function runView(life: Life, id: string): Promise<RunView> {
  if (/^[0-9a-f]{32}$/.test(id)) return view(await life.tracking.getRun(id));
  const matches = (await runViews(life, { limit: 1000 })).filter((run) => run.id.startsWith(id) || run.name === id);
  if (matches.length === 1) return matches[0]!;
  const what = matches.length === 0 ? `there is no run ${id}` : `${matches.length} runs begin with ${id}`;
  throw fail("NOT_FOUND", { what, mend: "see trimtab runs list" });
}

/** What differs between runs, in the order asked for. Throws INVALID for fewer than two. */
export async function compareView(
  life: Life,
  ids: readonly string[],
): Promise<{ runs: RunView[]; differences: CompareRow[] }> {
  if (ids.length < 2) throw fail("INVALID", { what: "comparing takes two runs or more", mend: "name two run ids" });
  const views = await Promise.all(ids.map((id) => runView(life, id)));
  const runs = await life.tracking.getRuns(views.map((run) => run.id));
  return { runs: views, differences: compareRuns(runs).filter((row) => !row.same) };
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
        metrics: run ? view(run).metrics : {},
      } satisfies VersionView;
    }),
  );
}

/** What a version was made from: run, code, data, parameters, verdicts. Throws NOT_FOUND. */
export const lineageOf = (life: Life, model: string, version: number): Promise<Lineage> =>
  life.registry.lineage(model, version);

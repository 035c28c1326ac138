/** Runs, versions and lineage as the CLI, the API and the page show them: tracking and registry joined. */

import { isoTime } from "../base/clock.ts";
import { fail } from "../base/errors.ts";
import { experimentIds, modelNames } from "../db/names.ts";
import type { Verdict } from "../registry/gate.ts";
import type { RegisteredModel } from "../registry/types.ts";
import { currentDeployment } from "../serving/deployment.ts";
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

export interface Difference {
  what: "param" | "metric" | "data" | "code" | "environment";
  name: string;
  /** One a run, in the order asked for; null where a run has none. */
  values: (string | number | null)[];
}

/** What differs between runs in params, data, code, environment and metrics. */
export async function compareView(
  life: Life,
  ids: readonly string[],
): Promise<{ runs: RunView[]; differences: Difference[] }> {
  if (ids.length < 2) throw fail("INVALID", { what: "comparing takes two runs or more", mend: "name two run ids" });
  const runs = await Promise.all(ids.map((id) => runView(life, id)));
  const tagged = (prefix: string) => (run: RunView) =>
    Object.fromEntries(Object.entries(run.tags).filter(([key]) => key.startsWith(prefix)));
  const parts: [Difference["what"], (run: RunView) => Record<string, string | number>][] = [
    ["param", (run) => run.params],
    ["data", tagged(TAGS.data)],
    ["code", (run) => ({ ...tagged(TAGS.commit)(run), ...tagged(TAGS.dirty)(run) })],
    ["environment", tagged(TAGS.environment)],
    ["metric", (run) => run.metrics],
  ];
  return { runs, differences: parts.flatMap(([what, read]) => differencesIn(what, runs.map(read))) };
}

function differencesIn(what: Difference["what"], sides: Record<string, string | number>[]): Difference[] {
  const names = [...new Set(sides.flatMap((side) => Object.keys(side)))].sort();
  return names
    .map((name) => ({ what, name, values: sides.map((side) => side[name] ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
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

/** A model's versions, newest first. */
export async function versionViews(life: Life, name: string): Promise<VersionView[]> {
  const [versions, deployment] = await Promise.all([
    life.registry.listVersions(name),
    currentDeployment(life.workspace.deploy, name),
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

export interface LineageView {
  model: string;
  version: number;
  run: RunView | undefined;
  data: Record<string, string>;
  git: { commit: string; dirty: boolean } | undefined;
  verdict: Verdict | undefined;
}

/** What a version was made from. Throws NOT_FOUND. */
export async function lineageOf(life: Life, model: string, version: number): Promise<LineageView> {
  const found = await life.registry.getVersion(model, version);
  const run = found.runId ? view(await life.tracking.getRun(found.runId)) : undefined;
  const commit = run?.tags[TAGS.commit];
  return {
    model,
    version,
    run,
    data: Object.fromEntries(
      Object.entries(run?.tags ?? {})
        .filter(([key]) => key.startsWith(TAGS.data))
        .map(([key, hash]) => [key.slice(TAGS.data.length), hash]),
    ),
    git: commit ? { commit, dirty: run?.tags[TAGS.dirty] === "true" } : undefined,
    verdict: await verdictOf(life, found),
  };
}

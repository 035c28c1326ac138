/**
 * Writes everything back to an MLflow server. That server gives ids and numbers of its own, so each thing carries a tag
 * (marks.ts) with what it is here: a second export finds it, brings what has changed since, and makes nothing twice.
 */

import type { Registry } from "../../registry/registry.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { Experiment, Lifecycle, Run } from "../../tracking/types.ts";
import type { ExportContext } from "./export-context.ts";
import { experimentsThere } from "./export-experiments.ts";
import { exportFiles } from "./export-files.ts";
import { exportLoggedModels } from "./export-logged-models.ts";
import { exportRegistry } from "./export-registry.ts";
import { exportRun, linkRun, linksOf, type RunLinks, removeRun, runsThere } from "./export-runs.ts";
import { exportTraces } from "./export-traces.ts";
import { noCounts, type Progress, type TransferCounts } from "./import-context.ts";
import type { Rest } from "./rest.ts";

type From = ExportContext["from"];

async function* experimentsOf({ tracking }: From, lifecycle: Lifecycle): AsyncGenerator<Experiment> {
  let pageToken = "";
  do {
    const page = await tracking.searchExperiments({ pageToken, lifecycle, orderBy: ["experiment_id"] });
    yield* page.items;
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
}

async function* runsOf({ tracking }: From, experimentId: string, lifecycle: Lifecycle): AsyncGenerator<Run> {
  let pageToken = "";
  do {
    const query = { experimentIds: [experimentId], lifecycle, orderBy: ["start_time"], pageToken };
    const page = await tracking.searchRuns(query);
    yield* page.items;
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
}

async function traces(out: ExportContext, from: string, to: string): Promise<void> {
  const left = await exportTraces({
    tracking: out.from.tracking,
    rest: out.rest,
    from,
    to,
    runThere: (runId) => out.runs.get(runId)?.id,
    files: (fromUri, toUri) => exportFiles(out, fromUri, toUri),
    done: () => {
      out.counts.traces++;
      out.done();
    },
  });
  out.counts.left.push(...left);
}

/** Resolves to what of its runs names other runs and logged models. */
async function exportExperiment(out: ExportContext, from: string, to: string): Promise<RunLinks[]> {
  const links: RunLinks[] = [];
  for await (const run of runsOf(out.from, from, "active")) {
    await exportRun(out, run, to);
    const named = linksOf(run);
    if (named) links.push(named);
  }
  for await (const run of runsOf(out.from, from, "deleted")) await removeRun(out, run.runId);
  await exportLoggedModels(out, from, to);
  await traces(out, from, to);
  return links;
}

async function exportAll(out: ExportContext): Promise<void> {
  const there = await experimentsThere(out);
  out.runs = await runsThere(out, there.all);
  const links: RunLinks[] = [];
  for await (const experiment of experimentsOf(out.from, "deleted")) await there.remove(experiment);
  for await (const experiment of experimentsOf(out.from, "active")) {
    const to = await there.idFor(experiment);
    if (to === undefined) continue;
    out.counts.experiments++;
    links.push(...(await exportExperiment(out, experiment.experimentId, to)));
  }
  for (const link of links) await linkRun(out, link);
  await exportRegistry({ ...out, experimentFor: there.idFor });
}

/** Resolves to what was written. Active runs and experiments only; PEER_FAILED when the server stops answering: export again. */
export async function exportMlflow(
  from: { tracking: Tracking; registry: Registry; artifacts: ArtifactStore },
  rest: Rest,
  progress: Progress = () => {},
): Promise<TransferCounts> {
  const counts = noCounts();
  const done = () => progress(counts);
  await exportAll({ from, rest, counts, done, runs: new Map(), loggedModels: new Map() });
  return counts;
}

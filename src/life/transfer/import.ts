/**
 * Brings another MLflow store over: experiments, runs with their whole history, logged models, traces, artifacts, the registry. May be
 * stopped and begun again: what is noted as done and has not changed is passed over; what was half-way is completed, never
 * doubled. Runs keep their ids and versions their numbers; experiments are found by name.
 */

import { fail } from "../../base/errors.ts";
import { hashValue } from "../../base/hash.ts";
import type { ImportKind } from "../../db/imports.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ModelVersion } from "../../registry/types.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import type { NewSpan } from "../../tracking/spans.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { Experiment, LoggedModel, MetricPoint, Run, Trace } from "../../tracking/types.ts";
import type { MlflowSource, SourceFiles } from "./source.ts";

export interface TransferCounts {
  experiments: number;
  runs: number;
  /** Runs, logged models and traces that an earlier import brought. */
  unchanged: number;
  metrics: number;
  loggedModels: number;
  traces: number;
  files: number;
  bytes: number;
  models: number;
  versions: number;
  /** What could not be brought over, in words. */
  left: string[];
}

export interface ImportTarget {
  tracking: Tracking;
  registry: Registry;
  artifacts: ArtifactStore;
}

export type Progress = (counts: Readonly<TransferCounts>) => void;

export const noCounts = (): TransferCounts => ({
  experiments: 0,
  runs: 0,
  unchanged: 0,
  metrics: 0,
  loggedModels: 0,
  traces: 0,
  files: 0,
  bytes: 0,
  models: 0,
  versions: 0,
  left: [],
});

const LOCATION = "mlflow.artifactLocation";

/** Points written in one transaction. */
const POINTS = 5000;

class Import {
  readonly counts = noCounts();
  constructor(
    private readonly source: MlflowSource,
    private readonly target: ImportTarget,
    private readonly progress: Progress,
  ) {}

  async all(): Promise<void> {
    for await (const experiment of this.source.experiments()) await this.experiment(experiment);
    await this.registry();
  }

  private async experiment(experiment: Experiment): Promise<void> {
    const { tracking } = this.target;
    const id = await tracking.importExperiment(experiment);
    const { artifactLocation } = await tracking.getExperiment(id);
    this.counts.experiments++;
    for await (const model of this.source.loggedModels(experiment.experimentId))
      await this.loggedModel({ ...model, experimentId: id }, `${artifactLocation}/models/${model.modelId}/artifacts`);
    for await (const run of this.source.runs(experiment.experimentId))
      await this.run({ ...run, experimentId: id }, `${artifactLocation}/${run.runId}/artifacts`);
    for await (const { trace, spans } of this.source.traces(experiment.experimentId))
      await this.trace({ ...trace, experimentId: id }, spans, experiment.lifecycle);
  }

  private async trace(trace: Trace, spans: readonly NewSpan[], lifecycle: Experiment["lifecycle"]): Promise<void> {
    const { tracking } = this.target;
    const print = printOf({ ...trace, spans: spans.length });
    if (await this.isDone("trace", trace.traceId, print)) return;
    if (lifecycle === "deleted") {
      this.counts.left.push(`trace ${trace.traceId}, whose experiment is deleted`);
      return;
    }
    const root = trace.tags.find(({ key }) => key === LOCATION)?.value;
    const tags = trace.tags.filter(({ key }) => key !== LOCATION && key !== "mlflow.trace.spansLocation");
    const here = await tracking.putTrace({ ...trace, tags });
    if (spans.length > 0) await tracking.logSpans(trace.experimentId, spans);
    const files =
      root === undefined || spans.length > 0 ? undefined : this.source.files({ traceId: trace.traceId }, root);
    if (files) await this.copy(files, here.tags.find(({ key }) => key === LOCATION)!.value);
    await tracking.noteImport(this.source.name, "trace", trace.traceId, { root: root ?? "", print });
    this.counts.traces++;
    this.progress(this.counts);
  }

  /** Whether the thing is here as it is there now. */
  private async isDone(kind: ImportKind, id: string, print: string): Promise<boolean> {
    const noted = await this.target.tracking.findImport(this.source.name, kind, id);
    if (noted?.print !== print) return false;
    this.counts.unchanged++;
    return true;
  }

  private async run(run: Run, home: string): Promise<void> {
    const { tracking } = this.target;
    const print = printOf({
      ...run,
      metrics: run.metrics.map(({ value, ...rest }) => ({ ...rest, value: String(value) })),
    });
    if (await this.isDone("run", run.runId, print)) return;
    const files = this.source.files({ runId: run.runId }, run.artifactUri);
    await tracking.importRun({ ...run, artifactUri: files ? home : run.artifactUri });
    for (const { key } of run.metrics) await this.history(run.runId, key);
    if (files) await this.copy(files, home);
    await tracking.noteImport(this.source.name, "run", run.runId, { root: run.artifactUri, print });
    this.counts.runs++;
    this.progress(this.counts);
  }

  private async history(runId: string, key: string): Promise<void> {
    for await (const page of this.source.history(runId, key))
      for (let from = 0; from < page.length; from += POINTS) {
        const points: MetricPoint[] = page.slice(from, from + POINTS);
        await this.target.tracking.importMetrics(runId, points);
        this.counts.metrics += points.length;
      }
  }

  private async loggedModel(model: LoggedModel, home: string): Promise<void> {
    const { tracking } = this.target;
    const print = printOf({ id: model.modelId, updatedMs: model.updatedMs, status: model.status, tags: model.tags });
    if (await this.isDone("logged_model", model.modelId, print)) return;
    const files = this.source.files({ modelId: model.modelId }, model.artifactUri);
    await tracking.importLoggedModel({ ...model, artifactUri: files ? home : model.artifactUri });
    if (files) await this.copy(files, home);
    await tracking.noteImport(this.source.name, "logged_model", model.modelId, { root: model.artifactUri, print });
    this.counts.loggedModels++;
    this.progress(this.counts);
  }

  /** Copies what is not there with the same size. */
  private async copy(files: SourceFiles, home: string): Promise<void> {
    const root = storePathOf(home);
    if (root === undefined)
      throw fail("NOT_AVAILABLE", { what: "this experiment's artifacts are kept elsewhere", place: home });
    const folders = [""];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
      for (const entry of await files.list(folder)) {
        if (entry.isFolder) folders.push(entry.path);
        else await this.copyFile(files, entry, `${root}/${entry.path}`);
      }
  }

  private async copyFile(files: SourceFiles, entry: { path: string; sizeBytes?: number }, to: string): Promise<void> {
    const { artifacts } = this.target;
    if (entry.sizeBytes !== undefined && (await artifacts.size(to)) === entry.sizeBytes) return;
    this.counts.bytes += await artifacts.put(to, await files.read(entry.path));
    this.counts.files++;
    this.progress(this.counts);
  }

  private async registry(): Promise<void> {
    for await (const model of this.source.models()) {
      await this.target.registry.importModel(model);
      this.counts.models++;
      for await (const version of this.source.versions(model)) {
        if (await this.target.registry.importVersion(await this.rehomed(version))) this.counts.versions++;
        this.progress(this.counts);
      }
    }
  }

  /** The version with its source where its run's or logged model's artifacts are now. */
  private async rehomed(version: ModelVersion): Promise<ModelVersion> {
    const { tracking } = this.target;
    const moves: [from: string, to: string][] = [];
    const run = version.runId && (await tracking.findImport(this.source.name, "run", version.runId));
    if (run) moves.push([run.root, (await tracking.getRun(version.runId!)).artifactUri]);
    const modelId = version.modelId ?? /^models:\/+(m-[^/]+)/.exec(version.source)?.[1];
    const logged = modelId && (await tracking.findImport(this.source.name, "logged_model", modelId));
    if (logged) moves.push([logged.root, (await tracking.getLoggedModel(modelId, { deletedToo: true })).artifactUri]);
    const moveOf = (uri: string) =>
      moves.find(([from]) => from !== "" && `${uri}/`.startsWith(`${from.replace(/\/+$/, "")}/`));
    const moved = (uri: string): string => {
      const move = moveOf(uri);
      return move ? `${move[1]}${uri.slice(move[0].replace(/\/+$/, "").length)}` : uri;
    };
    const next = { ...version, source: moved(version.source), storageUri: moved(version.storageUri) };
    if (!moveOf(version.storageUri) && storePathOf(version.storageUri) !== undefined)
      this.counts.left.push(
        `files of version ${version.name}/${version.version}, which belong to no run that was found`,
      );
    return next;
  }
}

const printOf = (thing: unknown): string => hashValue(thing).slice(0, 16);

/** Resolves to what was brought over. PEER_FAILED when the source stops answering: then what is here is whole, begin again. */
export async function importMlflow(
  source: MlflowSource,
  target: ImportTarget,
  progress: Progress = () => {},
): Promise<TransferCounts> {
  const work = new Import(source, target, progress);
  await work.all();
  return work.counts;
}

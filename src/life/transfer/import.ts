/**
 * Brings another MLflow store over: experiments, runs with their whole history, logged models, traces, artifacts, the registry. May be
 * stopped and begun again: what is noted as done and has not changed is passed over; what was half-way is completed, never
 * doubled. Runs keep their ids and versions their numbers; experiments are found by name.
 */

import { fail } from "../../base/errors.ts";
import type { ImportKind } from "../../db/imports.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import type { NewSpan } from "../../tracking/spans.ts";
import type { Experiment, LoggedModel, MetricPoint, Run, Trace } from "../../tracking/types.ts";
import { atOnce } from "./at-once.ts";
import { type ImportTarget, noCounts, type Progress, printOf, type TransferCounts } from "./import-context.ts";
import { importRegistry } from "./import-registry.ts";
import type { MlflowSource, SourceFiles } from "./source.ts";

const LOCATION = "mlflow.artifactLocation";

/** Points written in one transaction. */
const POINTS = 5000;

class Import {
  readonly counts = noCounts();
  constructor(
    readonly source: MlflowSource,
    readonly target: ImportTarget,
    readonly progress: Progress,
  ) {}

  async all(): Promise<void> {
    for await (const experiment of this.source.experiments()) await this.experiment(experiment);
    await importRegistry(this);
  }

  private async experiment(experiment: Experiment): Promise<void> {
    const { tracking } = this.target;
    const id = await tracking.importExperiment(experiment);
    const { artifactLocation } = await tracking.getExperiment(id);
    this.counts.experiments++;
    await atOnce(this.source.loggedModels(experiment.experimentId), (model) =>
      this.loggedModel({ ...model, experimentId: id }, `${artifactLocation}/models/${model.modelId}/artifacts`),
    );
    await atOnce(this.source.runs(experiment.experimentId), (run) =>
      this.run({ ...run, experimentId: id }, `${artifactLocation}/${run.runId}/artifacts`),
    );
    await atOnce(this.source.traces(experiment.experimentId), ({ trace, spans }) =>
      this.trace({ ...trace, experimentId: id }, spans, experiment.lifecycle),
    );
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
    const print = printOf(run);
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
    const print = printOf(model);
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
}

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

/** Another MLflow store as an import reads it: a server's URL, its SQLite file or its folder. */

import type { ModelVersion, RegisteredModel } from "../../registry/types.ts";
import type { NewSpan } from "../../tracking/spans.ts";
import type { Experiment, LoggedModel, MetricPoint, Run, Trace } from "../../tracking/types.ts";

/** Files of one run or logged model. */
export interface SourceFiles {
  /** One folder's entries, with paths from the root. */
  list(folder: string): Promise<{ path: string; isFolder: boolean; sizeBytes?: number }[]>;
  read(path: string): Promise<ReadableStream<Uint8Array>>;
}

/** A trace with its spans, when the store keeps them itself; else they are among its files. */
export interface SourceTrace {
  trace: Trace;
  spans: readonly NewSpan[];
}

export interface MlflowSource {
  /** Names it in the ledger of imports; without credentials. */
  readonly name: string;
  experiments(): AsyncIterable<Experiment>;
  /** All runs of an experiment, also the deleted; metrics are the latest of each key. */
  runs(experimentId: string): AsyncIterable<Run>;
  /** Pages of one metric's history. */
  history(runId: string, key: string): AsyncIterable<MetricPoint[]>;
  loggedModels(experimentId: string): AsyncIterable<LoggedModel>;
  traces(experimentId: string): AsyncIterable<SourceTrace>;
  models(): AsyncIterable<RegisteredModel>;
  /** With their aliases. */
  versions(model: RegisteredModel): AsyncIterable<ModelVersion>;
  /** Undefined when they are kept where clients reach them themselves (s3:// and the like): then they stay there. */
  files(owner: { runId: string } | { modelId: string } | { traceId: string }, rootUri: string): SourceFiles | undefined;
  close(): void;
}

/**
 * Writes everything back to an MLflow server. That server gives runs ids of its own, so each carries the tag
 * trimtab.exported_from with the id it has here: a second export finds it and completes it instead of making it twice.
 */

import type { Registry } from "../../registry/registry.ts";
import type { ModelVersion } from "../../registry/types.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import { storePathOf } from "../../tracking/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { Experiment, MetricPoint, Run } from "../../tracking/types.ts";
import { exportTraces } from "./export-traces.ts";
import { noCounts, type Progress, type TransferCounts } from "./import.ts";
import { isStatus, type Rest } from "./rest.ts";

const API = "/api/2.0/mlflow";
const EXPORTED = "trimtab.exported_from";
/** What one log-batch of MLflow holds. */
const BATCH = { metrics: 1000, params: 100, tags: 100 };

const numberJson = (value: number) => (Number.isNaN(value) ? "NaN" : value);

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/** A run on the other server. */
interface ThereRun {
  id: string;
  artifactUri: string;
}

class Export {
  readonly counts: TransferCounts = noCounts();
  /** Our run's id → the run there. */
  private readonly runs = new Map<string, ThereRun>();
  /** Our version → their number: they count for themselves. */
  private readonly numbers = new Map<string, string>();
  constructor(
    private readonly from: { tracking: Tracking; registry: Registry; artifacts: ArtifactStore },
    private readonly rest: Rest,
    private readonly progress: Progress,
  ) {}

  async all(): Promise<void> {
    let pageToken = "";
    do {
      const page = await this.from.tracking.searchExperiments({ pageToken, orderBy: ["experiment_id"] });
      for (const experiment of page.items) await this.experiment(experiment);
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
    await this.registry();
  }

  private async experiment(experiment: Experiment): Promise<void> {
    const id = await this.experimentId(experiment);
    this.counts.experiments++;
    let pageToken = "";
    do {
      const query = { experimentIds: [experiment.experimentId], orderBy: ["start_time"], pageToken };
      const page = await this.from.tracking.searchRuns(query);
      for (const run of page.items) await this.run(run, id);
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
    await this.traces(experiment.experimentId, id);
  }

  private async traces(from: string, to: string): Promise<void> {
    const left = await exportTraces({
      tracking: this.from.tracking,
      rest: this.rest,
      from,
      to,
      runThere: (runId) => this.runs.get(runId)?.id,
      files: (fromUri, toUri) => this.files(fromUri, toUri),
      done: () => {
        this.counts.traces++;
        this.progress(this.counts);
      },
    });
    this.counts.left.push(...left);
  }

  private async experimentId(experiment: Pick<Experiment, "name" | "tags">): Promise<string> {
    const found = await this.rest
      .get<{ experiment: { experiment_id: string } }>(`${API}/experiments/get-by-name`, {
        experiment_name: experiment.name,
      })
      .catch((error: unknown) => {
        if (isStatus(error, 404)) return undefined;
        throw error;
      });
    if (found) return found.experiment.experiment_id;
    const body = { name: experiment.name, tags: experiment.tags };
    return (await this.rest.post<{ experiment_id: string }>(`${API}/experiments/create`, body)).experiment_id;
  }

  /** The run's id there, when an export has made it. */
  private async runThere(experimentId: string, runId: string): Promise<ThereRun | undefined> {
    const body = { experiment_ids: [experimentId], filter: `tags.\`${EXPORTED}\` = '${runId}'`, max_results: 1 };
    const { runs = [] } = await this.rest.post<{ runs?: { info: { run_id: string; artifact_uri: string } }[] }>(
      `${API}/runs/search`,
      body,
    );
    return runs[0] && { id: runs[0].info.run_id, artifactUri: runs[0].info.artifact_uri };
  }

  private async createRun(
    run: Pick<Run, "runId" | "name" | "userId" | "startMs">,
    experimentId: string,
  ): Promise<ThereRun> {
    const made = await this.rest.post<{ run: { info: { run_id: string; artifact_uri: string } } }>(
      `${API}/runs/create`,
      {
        experiment_id: experimentId,
        user_id: run.userId,
        run_name: run.name,
        start_time: run.startMs,
        tags: [{ key: EXPORTED, value: run.runId }],
      },
    );
    return { id: made.run.info.run_id, artifactUri: made.run.info.artifact_uri };
  }

  private async run(run: Run, experimentId: string): Promise<void> {
    const there = (await this.runThere(experimentId, run.runId)) ?? (await this.createRun(run, experimentId));
    this.runs.set(run.runId, there);
    const log = (batch: object) => this.rest.post(`${API}/runs/log-batch`, { run_id: there.id, ...batch });
    for (const params of chunks(run.params, BATCH.params)) await log({ params });
    for (const tags of chunks(run.tags, BATCH.tags)) await log({ tags });
    for (const { key } of run.metrics) await this.history(run.runId, key, log);
    await this.inputs(run, there.id);
    await this.files(run.artifactUri, there.artifactUri);
    const end = run.endMs === undefined ? {} : { end_time: run.endMs };
    await this.rest.post(`${API}/runs/update`, { run_id: there.id, status: run.status, ...end });
    this.counts.runs++;
    this.progress(this.counts);
  }

  private async history(runId: string, key: string, log: (batch: object) => Promise<unknown>): Promise<void> {
    let pageToken = "";
    do {
      const page = await this.from.tracking.metricHistory(runId, key, { maxResults: 10_000, pageToken });
      for (const points of chunks<MetricPoint>(page.items, BATCH.metrics)) {
        const metrics = points.map((p) => ({
          key,
          value: numberJson(p.value),
          timestamp: p.timestampMs,
          step: p.step,
        }));
        await log({ metrics });
        this.counts.metrics += points.length;
      }
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
  }

  private async inputs(run: Run, id: string): Promise<void> {
    if (run.datasets.length === 0) return;
    const datasets = run.datasets.map(({ tags, dataset: { sourceType, ...dataset } }) => ({
      tags,
      dataset: { ...dataset, source_type: sourceType },
    }));
    await this.rest.post(`${API}/runs/log-inputs`, { run_id: id, datasets });
  }

  /** Uploads what lies in our store through the other server's artifact proxy. */
  private async files(fromUri: string, toUri: string): Promise<void> {
    const [from, to] = [storePathOf(fromUri), storePathOf(toUri)];
    if (from === undefined) return;
    const { artifacts } = this.from;
    const folders = [from];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
      for (const entry of await artifacts.list(folder)) {
        if (to === undefined) {
          this.counts.left.push(`files of ${fromUri}: that server keeps no artifacts itself (${toUri})`);
          return;
        }
        if (entry.isFolder) folders.push(entry.path);
        else await this.upload(entry.path, `${to}${entry.path.slice(from.length)}`);
      }
  }

  private async upload(path: string, to: string): Promise<void> {
    const sizeBytes = (await this.from.artifacts.size(path)) ?? 0;
    const target = `/api/2.0/mlflow-artifacts/artifacts/${to.split("/").map(encodeURIComponent).join("/")}`;
    const init = { body: await this.from.artifacts.get(path), headers: { "Content-Length": String(sizeBytes) } };
    await this.rest.send("PUT", target, init as RequestInit);
    this.counts.files++;
    this.counts.bytes += sizeBytes;
  }

  private async registry(): Promise<void> {
    let pageToken = "";
    do {
      const page = await this.from.registry.searchModels({ pageToken });
      for (const model of page.items) {
        await this.model(model.name, model.description, model.tags);
        for (const version of await this.from.registry.listVersions(model.name)) await this.version(version);
        for (const { alias, version } of model.aliases) await this.alias(model.name, alias, version);
      }
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
  }

  private async model(name: string, description: string | undefined, tags: object): Promise<void> {
    await this.rest.post(`${API}/registered-models/create`, { name, description, tags }).catch((error: unknown) => {
      // It is there.
      if (!isStatus(error, 400)) throw error;
    });
    this.counts.models++;
  }

  private async version(version: ModelVersion): Promise<void> {
    const id = `${version.name}/${version.version}`;
    const known = await this.versionThere(version.name, id);
    const number = known ?? (await this.createVersion(version, id));
    this.numbers.set(id, number);
    await this.stage(version, number);
  }

  /** Also of a version that an earlier export made: a stage moves after the version is there. */
  private async stage({ name, stage }: ModelVersion, version: string): Promise<void> {
    const there = await this.rest.get<{ model_version: { current_stage?: string } }>(`${API}/model-versions/get`, {
      name,
      version,
    });
    if ((there.model_version.current_stage ?? "None") === stage) return;
    const body = { name, version, stage, archive_existing_versions: false };
    await this.rest.post(`${API}/model-versions/transition-stage`, body);
  }

  private async versionThere(name: string, id: string): Promise<string | undefined> {
    const filter = `name = '${name.replaceAll("'", "''")}' AND tags.\`${EXPORTED}\` = '${id}'`;
    const { model_versions = [] } = await this.rest.get<{ model_versions?: { version: string }[] }>(
      `${API}/model-versions/search`,
      { filter },
    );
    return model_versions[0]?.version;
  }

  /** A run there whose artifacts may hold the version's files: the exported one, or one made for the purpose. */
  private async homeOf(version: ModelVersion, id: string): Promise<ThereRun> {
    const known = this.runs.get(version.runId ?? "");
    if (known) return known;
    const experimentId = await this.experimentId({ name: `models/${version.name}`, tags: [] });
    const run = { runId: `version ${id}`, name: id, userId: version.userId ?? "", startMs: version.createdMs };
    const there = (await this.runThere(experimentId, run.runId)) ?? (await this.createRun(run, experimentId));
    await this.rest.post(`${API}/runs/update`, { run_id: there.id, status: "FINISHED", end_time: version.createdMs });
    return there;
  }

  /** The version's files where they are already, below its run's artifacts, or copied there. */
  private async sourceThere(version: ModelVersion, home: ThereRun): Promise<string> {
    const run =
      version.runId && this.runs.has(version.runId) ? await this.from.tracking.getRun(version.runId) : undefined;
    if (run && version.storageUri.startsWith(`${run.artifactUri}/`))
      return `${home.artifactUri}${version.storageUri.slice(run.artifactUri.length)}`;
    const source = `${home.artifactUri}/versions/${version.version}`;
    await this.files(version.storageUri, source);
    return source;
  }

  private async createVersion(version: ModelVersion, id: string): Promise<string> {
    const home = await this.homeOf(version, id);
    const answer = await this.rest.post<{ model_version: { version: string } }>(`${API}/model-versions/create`, {
      name: version.name,
      source: await this.sourceThere(version, home),
      run_id: home.id,
      description: version.description,
      tags: [...version.tags, { key: EXPORTED, value: id }],
    });
    this.counts.versions++;
    this.progress(this.counts);
    return answer.model_version.version;
  }

  private async alias(name: string, alias: string, version: number): Promise<void> {
    const number = this.numbers.get(`${name}/${version}`);
    if (number !== undefined) await this.rest.post(`${API}/registered-models/alias`, { name, alias, version: number });
  }
}

/** Resolves to what was written. Active runs and experiments only; PEER_FAILED when the server stops answering: export again. */
export async function exportMlflow(
  from: { tracking: Tracking; registry: Registry; artifacts: ArtifactStore },
  rest: Rest,
  progress: Progress = () => {},
): Promise<TransferCounts> {
  const work = new Export(from, rest, progress);
  await work.all();
  return work.counts;
}

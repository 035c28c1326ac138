/** Where a version came from: run, code, data, environment, trigger, parent, and what the gate said. */

import { latestMetrics, pointOf } from "../db/metrics.ts";
import { datasetsOf } from "../db/run_inputs.ts";
import { paramsOf, tagsOf } from "../db/run_values.ts";
import { runById } from "../db/runs.ts";
import { insertVerdict, type VerdictRow, verdictsOf } from "../db/verdicts.ts";
import type { Verdict } from "./gate.ts";
import { mustFindVersion, readVersions } from "./read.ts";
import type { ModelVersion, RegistryOptions } from "./types.ts";

export interface LineageRun {
  runId: string;
  name: string;
  status: string;
  startMs: number;
  endMs?: number;
  user: string;
  trigger?: string;
  parentRunId?: string;
  git?: { commit: string; dirty: boolean };
  params: Record<string, string>;
  metrics: Record<string, number>;
  /** trimtab.env.* tags, without the prefix. */
  environment: Record<string, string>;
  datasets: { name: string; digest: string; source: string }[];
}

export interface RecordedVerdict {
  version?: number;
  champion?: number;
  runId?: string;
  verdict: Verdict;
  createdMs: number;
}

export interface Lineage {
  version: ModelVersion;
  /** Absent when the version names no run, or a run of another server. */
  run?: LineageRun;
  /** The version that this one is a copy of. */
  copyOf?: { name: string; version: number };
  verdicts: RecordedVerdict[];
}

const recorded = (row: VerdictRow): RecordedVerdict => ({
  ...(row.version === null ? {} : { version: Number(row.version) }),
  ...(row.champion === null ? {} : { champion: Number(row.champion) }),
  ...(row.run_id === null ? {} : { runId: row.run_id }),
  verdict: JSON.parse(row.verdict) as Verdict,
  createdMs: Number(row.created_ms),
});

export function createLineage({ db, clock, modelsDir }: RegistryOptions) {
  async function runLineage(runId: string): Promise<LineageRun | undefined> {
    const row = await runById(db, runId);
    if (!row) return undefined;
    const tags = new Map((await tagsOf(db, [row.seq])).map((tag) => [tag.key, tag.value]));
    const optional = (name: string, tag: string) => (tags.has(tag) ? { [name]: tags.get(tag)! } : {});
    const commit = tags.get("mlflow.source.git.commit");
    const environment = [...tags].filter(([key]) => key.startsWith("trimtab.env."));
    return {
      runId,
      name: row.name,
      status: row.status,
      startMs: Number(row.start_ms),
      ...(row.end_ms === null ? {} : { endMs: Number(row.end_ms) }),
      user: row.user_id || (tags.get("mlflow.user") ?? ""),
      ...optional("trigger", "trimtab.trigger"),
      ...optional("parentRunId", "mlflow.parentRunId"),
      ...(commit === undefined ? {} : { git: { commit, dirty: tags.get("trimtab.git.dirty") === "true" } }),
      params: Object.fromEntries((await paramsOf(db, [row.seq])).map((p) => [p.key, p.value])),
      metrics: Object.fromEntries((await latestMetrics(db, [row.seq])).map((m) => [m.key, pointOf(m).value])),
      environment: Object.fromEntries(environment.map(([key, value]) => [key.slice("trimtab.env.".length), value])),
      datasets: (await datasetsOf(db, [row.seq])).map(({ name, digest, source }) => ({ name, digest, source })),
    };
  }

  return {
    /** NOT_FOUND when there is no such version. */
    async lineage(name: string, number: number): Promise<Lineage> {
      const version = (await readVersions(db, modelsDir, [await mustFindVersion(db, name, number)]))[0]!;
      const run = version.runId === undefined ? undefined : await runLineage(version.runId);
      const copy = /^models:\/([^/@]+)\/(\d+)$/.exec(version.source);
      const verdicts = (await verdictsOf(db, name, 1000)).map(recorded);
      return {
        version,
        ...(run ? { run } : {}),
        ...(copy ? { copyOf: { name: copy[1]!, version: Number(copy[2]) } } : {}),
        verdicts: verdicts.filter((v) => v.version === number),
      };
    },

    /** Keeps what the gate said; `version` is absent when the gate refused and none was registered. */
    async recordVerdict(
      name: string,
      verdict: Verdict,
      about: { version?: number; champion?: number; runId?: string },
    ): Promise<void> {
      await insertVerdict(db, {
        name,
        version: about.version ?? null,
        champion: about.champion ?? null,
        run_id: about.runId ?? null,
        pass: verdict.pass ? 1 : 0,
        verdict: JSON.stringify(verdict),
        created_ms: clock.nowMs(),
      });
    },

    /** Newest first. */
    async listVerdicts(name: string, limit = 100): Promise<RecordedVerdict[]> {
      return (await verdictsOf(db, name, limit)).map(recorded);
    },
  };
}

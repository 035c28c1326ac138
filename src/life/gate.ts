/** The gate at work: champion and candidate measured on the same rows, judged, and the verdict kept with its evidence. */

import { join } from "node:path";
import { asTrimtabError, type ErrorCode } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { judge, type Verdict } from "../registry/gate.ts";
import type { ModelVersion } from "../registry/types.ts";
import type { EvaluateStep, Pipeline } from "../spec/types.ts";
import type { Life } from "./context.ts";
import { championOf, folderOf } from "./deploy.ts";
import { type Evaluation, evaluateVersion } from "./evaluate.ts";

/** The gate's last verdict on a version; undefined when it has not met the gate. */
export async function verdictOf(life: Life, version: ModelVersion): Promise<Verdict | undefined> {
  const verdicts = await life.registry.listVerdicts(version.name);
  return verdicts.find((recorded) => recorded.version === version.version)?.verdict;
}

/** What the gate said of a version; null when it has not met it. NOT_FOUND. */
export async function saidOf(
  life: Life,
  model: string,
  number: number,
): Promise<{ version: number; verdict: Verdict | null }> {
  const version = await life.registry.getVersion(model, number);
  return { version: version.version, verdict: (await verdictOf(life, version)) ?? null };
}

/** The version's figures on the holdout rows. */
export const measureVersion = async (
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  version: ModelVersion,
): Promise<Evaluation> =>
  evaluateVersion(await life.duck(), {
    folder: folderOf(version),
    root: pipeline.root,
    on: join(pipeline.root, evaluate.on),
    target: evaluate.target,
    metrics: evaluate.metrics,
  });

/** The model's own faults: they are a no. Anything else is ours, and says nothing about the version. */
export const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set([
  "MODEL_INVALID",
  "MODEL_FAILED",
  "FEATURES_DIFFER",
  "REQUEST_INVALID",
]);

/**
 * The champion's figures; undefined when it cannot be loaded any more (its files are gone, a package was upgraded) or cannot
 * answer the rows of today (a column was dropped, a category is new): it must not keep every successor out, so only the rules
 * that need no champion are judged then.
 */
async function measureChampion(life: Life, pipeline: Pipeline, evaluate: EvaluateStep, champion: ModelVersion) {
  try {
    return await measureVersion(life, pipeline, evaluate, champion);
  } catch (error) {
    const known = asTrimtabError(error);
    // The candidate was measured on these rows, so a column that is not among them is the champion's alone.
    if (!OWN_FAULTS.has(known.code) && !["FILE_NOT_FOUND", "DATA_COLUMN"].includes(known.code)) throw error;
    log.warn("the champion cannot be measured", { version: champion.version, error: known.oneLine() });
    const subject = `model/${pipeline.model}/${champion.version}`;
    await life.event({ kind: "gate.champion_lost", subject, reason: known.message });
    return undefined;
  }
}

/** The gate: candidate and champion on the same rows, through the same runtime. The verdict is kept with the version. */
export async function decide(
  life: Life,
  pipeline: Pipeline,
  evaluate: EvaluateStep,
  version: number,
  candidate: Evaluation,
): Promise<Verdict> {
  const champion = await championOf(life, pipeline.model);
  const measured = champion ? await measureChampion(life, pipeline, evaluate, champion) : undefined;
  const verdict = judge(pipeline.gate, candidate.metrics, measured?.metrics);
  await keep(life, pipeline.model, { version, champion: champion?.version }, verdict, {
    candidate: candidate.metrics,
    championMetrics: measured?.metrics,
    rows: candidate.rows,
  });
  return verdict;
}

/** The verdict on a version that cannot be measured at all: no, and why. */
export async function refuse(life: Life, model: string, version: number, why: string): Promise<Verdict> {
  const verdict: Verdict = { pass: false, champion: false, reason: `it cannot be measured: ${why}`, rules: [] };
  await keep(life, model, { version, champion: undefined }, verdict, {});
  return verdict;
}

async function keep(
  life: Life,
  model: string,
  { version, champion }: { version: number; champion: number | undefined },
  verdict: Verdict,
  evidence: Record<string, unknown>,
): Promise<void> {
  await life.registry.recordVerdict(model, verdict, { version, ...(champion === undefined ? {} : { champion }) });
  await life.event({
    kind: verdict.pass ? "gate.passed" : "gate.refused",
    subject: `model/${model}/${version}`,
    reason: verdict.reason,
    data: { verdict, champion, ...evidence },
  });
}

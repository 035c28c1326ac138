/** The gate at work: champion and candidate measured on the same rows, judged, and the verdict kept with its evidence. */

import { join } from "node:path";
import { asTrimtabError } from "../base/errors.ts";
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

/**
 * The champion's figures; undefined when it cannot be loaded any more (its files are gone, a package was upgraded): it must
 * not keep every successor out, so only the rules that need no champion are judged then.
 */
async function measure(life: Life, pipeline: Pipeline, evaluate: EvaluateStep, champion: ModelVersion) {
  try {
    return await evaluateVersion(await life.duck(), {
      folder: folderOf(champion),
      root: pipeline.root,
      on: join(pipeline.root, evaluate.on),
      target: evaluate.target,
      metrics: evaluate.metrics,
    });
  } catch (error) {
    const known = asTrimtabError(error);
    if (known.code !== "MODEL_INVALID" && known.code !== "FILE_NOT_FOUND") throw error;
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
  const measured = champion ? await measure(life, pipeline, evaluate, champion) : undefined;
  const verdict = judge(pipeline.gate, candidate.metrics, measured?.metrics);
  await life.registry.recordVerdict(pipeline.model, verdict, {
    version,
    ...(champion ? { champion: champion.version } : {}),
  });
  await life.event({
    kind: verdict.pass ? "gate.passed" : "gate.refused",
    subject: `model/${pipeline.model}/${version}`,
    reason: verdict.reason,
    data: {
      verdict,
      champion: champion?.version,
      candidate: candidate.metrics,
      championMetrics: measured?.metrics,
      rows: candidate.rows,
    },
  });
  return verdict;
}

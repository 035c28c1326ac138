/**
 * What the verbs `validate`, `transform` and `evaluate` do, and which parts belong to their cache keys. `cmd` is the
 * pipeline's own. Each is one function over the areas; the pipeline stages, hashes and publishes what they write.
 */

import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ERRORS, fail, TrimtabError } from "../base/errors.ts";
import { readGiven } from "../base/given.ts";
import { hashValue, randomId } from "../base/hash.ts";
import { LIMITS } from "../base/limits.ts";
import { type CheckReport, checkFailure, rowText } from "../data/checks/report.ts";
import { runChecks } from "../data/checks/run.ts";
import { readSuite } from "../data/checks/suite.ts";
import type { Duck } from "../data/duckdb.ts";
import { parseFeatures } from "../data/features/parse.ts";
import { runTransform } from "../data/features/transform.ts";
import type { StepOutcome, StepRunner, StepRunners } from "../pipeline/types.ts";
import type { EvaluateStep, Pipeline, TransformStep, ValidateStep } from "../spec/types.ts";
import { evaluateVersion } from "./evaluate.ts";
import { assembleVersion, fittedPath, taskOf, trainPath, transformOf } from "./package.ts";
import { readFitted } from "./references.ts";
import { openSubject } from "./sources.ts";

/** What the runners take from whoever runs them. */
export interface KindsContext {
  duck(): Promise<Duck>;
  tmp: string;
}

/** The table of kinds that the pipeline runs by. */
export const stepKinds = (context: KindsContext): StepRunners => ({
  validate: validateRunner(context),
  transform: transformRunner(context),
  evaluate: evaluateRunner(context),
});

/** Runs a validate step's checks: those it lists, then those of its suite. */
export async function checkSubject(duck: Duck, pipeline: Pipeline, step: ValidateStep): Promise<CheckReport> {
  const { sql } = await openSubject(duck, pipeline, step.subject);
  const others: Record<string, string> = {};
  for (const name of Object.keys(pipeline.data))
    if (name !== step.subject) others[name] = (await openSubject(duck, pipeline, name)).sql;
  const report = await runChecks(duck, sql, step.expectations, { file: pipeline.file, others });
  if (!step.suite) return report;
  const suite = readSuite(
    readGiven(join(pipeline.root, step.suite), step.suite, LIMITS.suiteBytes).toString(),
    step.suite,
  );
  const more = await runChecks(duck, sql, suite.expectations, { file: step.suite, others });
  return {
    success: report.success && more.success,
    rows: report.rows,
    evaluated: report.evaluated + more.evaluated,
    failed: report.failed + more.failed,
    results: [...report.results, ...more.results],
  };
}

function validateRunner(context: KindsContext): StepRunner<ValidateStep> {
  return {
    stages: true,
    // The subject and the suite are files that the step reads: the pipeline's own parts.
    keyParts: async (step) => ({
      expectations: hashValue(step.expectations.map(({ type, kwargs }) => ({ type, kwargs }))),
    }),
    async run(step, ctx): Promise<StepOutcome> {
      const report = await checkSubject(await context.duck(), ctx.pipeline, step);
      for (const result of report.results) {
        ctx.log.write(`${result.success ? "ok  " : "FAIL"} ${result.says}\n`);
        if (!result.success) for (const row of result.sampleRows) ctx.log.write(`       ${rowText(result, row)}\n`);
      }
      if (!report.success) throw checkFailure(report, `${ctx.pipeline.file}:${step.line} steps.${step.name}`);
      return { result: { checks: report }, metrics: { rows: report.rows, checks_passed: report.evaluated } };
    },
  };
}

function transformRunner(context: KindsContext): StepRunner<TransformStep> {
  return {
    stages: true,
    keyParts: async (step) => ({ split: hashValue(step.split ?? null) }),
    async run(step, ctx) {
      const duck = await context.duck();
      const { report } = await runTransform(duck, {
        scan: `(${(await openSubject(duck, ctx.pipeline, step.subject)).sql})`,
        spec: parseFeatures(readGiven(ctx.path(step.spec), step.spec), step.spec),
        ...(step.split ? { split: step.split } : {}),
        outs: {
          train: ctx.out(step.outs[0]!),
          features: ctx.out(fittedPath(step)),
          ...(step.split ? { holdout: ctx.out(step.outs[1]!) } : {}),
        },
      });
      ctx.log.write(`${JSON.stringify(report)}\n`);
      const { trainRows, holdoutRows, droppedByWhere } = report;
      return {
        result: { transform: report },
        metrics: { train_rows: trainRows, holdout_rows: holdoutRows, dropped_rows: droppedByWhere },
      };
    },
  };
}

/** The same error about what the trainer wrote: the copy that was measured is gone when a person reads it. */
function asTrained(error: unknown, copy: string, trained: string): unknown {
  if (!(error instanceof TrimtabError)) return error;
  const { code, message, place, mend, details, cause } = error;
  return fail(code, {
    what: message.replaceAll(copy, trained),
    ...(place !== undefined && { place: place.replace(copy, trained) }),
    mend:
      mend === ERRORS.MODEL_INVALID.mend || mend === ERRORS.MODEL_FAILED.mend
        ? "mend what the trainer writes there"
        : mend,
    details,
    cause,
  });
}

function evaluateRunner(context: KindsContext): StepRunner<EvaluateStep> {
  return {
    stages: true,
    reads(step, pipeline) {
      const transform = transformOf(pipeline, step);
      return transform ? [fittedPath(transform), trainPath(transform)] : [];
    },
    keyParts: async (step) => ({ target: step.target, metrics: step.metrics.join(",") }),
    async run(step, ctx) {
      const folder = join(context.tmp, `evaluate-${randomId()}`);
      try {
        await mkdir(dirname(folder), { recursive: true });
        const transform = transformOf(ctx.pipeline, step);
        const features = transform ? ctx.path(fittedPath(transform)) : undefined;
        const duck = await context.duck();
        const on = ctx.path(step.on);
        await assembleVersion(
          duck,
          {
            model: ctx.path(step.subject),
            ...(features ? { features, fitted: await readFitted(features) } : {}),
            on,
            ...(transform ? { train: ctx.path(trainPath(transform)) } : {}),
            target: step.target,
            task: taskOf(step),
            root: ctx.pipeline.root,
          },
          folder,
        );
        const done = await evaluateVersion(duck, {
          folder,
          root: ctx.pipeline.root,
          on,
          target: step.target,
          metrics: step.metrics,
        });
        return { result: { evaluation: done }, metrics: done.metrics };
      } catch (error) {
        throw asTrained(error, folder, ctx.path(step.subject));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

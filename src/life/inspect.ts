/** Looking at data and features without running a pipeline: its checks, a profile of anything readable, what a version computes. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import type { Profile } from "../base/profile.ts";
import type { CheckReport } from "../data/checks/report.ts";
import { openDuck } from "../data/duckdb.ts";
import type { FittedFeatures } from "../data/features/fitted.ts";
import { profileSource } from "../data/profile.ts";
import { openScan } from "../data/scan.ts";
import { resolveSource } from "../data/source.ts";
import { requireAvailable } from "../spec/availability.ts";
import type { Pipeline, ValidateStep } from "../spec/types.ts";
import type { Life } from "./context.ts";
import { championOf, folderOf } from "./deploy.ts";
import { checkSubject } from "./kinds.ts";
import { readFitted } from "./references.ts";

export interface StepReport {
  step: string;
  report: CheckReport;
}

/** Runs the checks of every validate step whose data is there already. */
export async function checkData(
  life: Life,
  pipeline: Pipeline,
  onStep: (step: string) => void = () => {},
): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  const made = new Set(Object.values(pipeline.steps).flatMap((step) => step.outs));
  const steps = Object.values(pipeline.steps)
    .filter((step): step is ValidateStep => step.kind === "validate")
    .filter(({ subject }) => !made.has(subject));
  requireAvailable(
    pipeline,
    "run",
    steps.map((step) => step.name),
  );
  for (const step of steps) {
    onStep(step.name);
    reports.push({ step: step.name, report: await checkSubject(await life.duck(), pipeline, step) });
  }
  return reports;
}

/** Profiles every column of a file, folder, glob or pointer, relative to `root`. */
export async function profileData(life: Life, uri: string, root = life.workspace.root): Promise<Profile> {
  const duck = await life.duck();
  const scan = await openScan(duck, await resolveSource(uri, root));
  return profileSource(duck, scan.sql);
}

/** Profiles one of the pipeline's own data sources. NOT_FOUND for any other name: nothing else may be read this way. */
export async function profileNamed(life: Life, pipeline: Pipeline, name: string): Promise<Profile> {
  const source = Object.hasOwn(pipeline.data, name) ? pipeline.data[name] : undefined;
  if (source) return profileData(life, source.uri, pipeline.root);
  throw fail("NOT_FOUND", {
    what: `${pipeline.model} has no data called ${name}`,
    place: pipeline.file,
    mend: `known: ${Object.keys(pipeline.data).join(", ") || "none"}`,
  });
}

/** The fitted features of a version, or of the one that serves. DEPLOY_NOTHING, NOT_FOUND for one that takes raw rows. */
export async function featuresOf(life: Life, model: string, version?: number): Promise<FittedFeatures> {
  const found = version === undefined ? await championOf(life, model) : await life.registry.getVersion(model, version);
  if (!found) throw fail("DEPLOY_NOTHING", { what: "nothing is deployed", mend: "name a version" });
  const path = join(folderOf(found), "features.json");
  if (existsSync(path)) return readFitted(path);
  throw fail("NOT_FOUND", {
    what: `version ${found.version} takes raw rows`,
    mend: "name a version that has features",
  });
}

/**
 * For a process that lives long: each look gets an engine of its own, which is closed after it, so that its memory is given back
 * and two looks do not meet; they come one after the other, as each takes all cores.
 */
export function lookingWith(life: Life): <T>(look: (life: Life) => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (look) => {
    const mine = last.then(async () => {
      const duck = await openDuck({ tempDir: life.workspace.tmp });
      try {
        return await look({ ...life, duck: async () => duck });
      } finally {
        duck.close();
      }
    });
    last = mine.catch(() => {});
    return mine;
  };
}

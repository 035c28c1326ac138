/** Looking at data without running a pipeline: its checks, and a profile of anything readable. */

import type { Profile } from "../base/profile.ts";
import type { CheckReport } from "../data/checks/report.ts";
import { profileSource } from "../data/profile.ts";
import { openScan } from "../data/scan.ts";
import { resolveSource } from "../data/source.ts";
import type { Pipeline, ValidateStep } from "../spec/types.ts";
import type { Life } from "./context.ts";
import { checkSubject } from "./kinds.ts";

/** Runs the checks of every validate step whose data is there already. */
export async function checkData(
  life: Life,
  pipeline: Pipeline,
  onStep: (step: string) => void,
): Promise<{ step: string; report: CheckReport }[]> {
  const reports: { step: string; report: CheckReport }[] = [];
  const made = new Set(Object.values(pipeline.steps).flatMap((step) => step.outs));
  const steps = Object.values(pipeline.steps).filter((step): step is ValidateStep => step.kind === "validate");
  for (const step of steps.filter(({ subject }) => !made.has(subject))) {
    onStep(step.name);
    reports.push({ step: step.name, report: await checkSubject(await life.duck(), pipeline, step) });
  }
  return reports;
}

/** Profiles every column of a file, folder, glob or pointer. */
export async function profileData(life: Life, uri: string): Promise<Profile> {
  const duck = await life.duck();
  const scan = await openScan(duck, await resolveSource(uri, life.workspace.root));
  return profileSource(duck, scan.sql);
}

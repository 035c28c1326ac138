import { expect, test as plain } from "bun:test";
import fc from "fast-check";
import { ManualClock } from "../../src/base/clock.ts";
import { checkProject, inProject, nameInProject, projectOf } from "../../src/tracking/projects.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { overEngines } from "../engines.ts";

const { test, open } = overEngines();
const name = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom("a", "b", "-", "/", "0", ".", "%", "_") });

plain("a name is its project and its name inside it", () => {
  fc.assert(
    fc.property(name, (whole) => {
      expect(inProject(projectOf(whole), nameInProject(whole))).toBe(whole);
      expect(nameInProject(inProject("team-a", whole))).toBe(whole);
    }),
  );
  expect(["churn", "team-a/churn", "team-a/x/y", "/Users/ann"].map(projectOf)).toEqual(["", "team-a", "team-a", ""]);
  for (const wrong of ["", "a", "-ab", "ab-", "Team", "a/b", "a b", "x".repeat(64)])
    expect(() => checkProject(wrong)).toThrow("Invalid project");
});

test("searching in a project finds what a person would, and the filter speaks of names inside it", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  const names = [...new Set(fc.sample(name, { numRuns: 60, seed: 7 }).map((some, i) => (i % 3 ? `ab/${some}` : some)))];
  names.push("ab0", "ab-x/y", "ab/Default");
  for (const one of names) await tracking.createExperiment({ name: one });
  const all = ["Default", ...names];
  const found = async (project: string, filter = "") =>
    (await tracking.searchExperiments({ project, filter })).items.map((one) => one.name).sort();
  for (const project of ["ab", "a", ""])
    expect(await found(project)).toEqual(all.filter((one) => projectOf(one) === project).sort());
  expect(await found("ab", "name = 'Default'")).toEqual(["ab/Default"]);
  expect(await found("ab", "name LIKE 'Def%'")).toEqual(["ab/Default"]);
  expect(await found("ab", "name != 'Default'")).toEqual((await found("ab")).filter((one) => one !== "ab/Default"));
  const { runId } = await tracking.createRun({ experimentId: "0", startMs: 5 });
  await tracking.deleteRun((await tracking.createRun({ experimentId: "0", startMs: 9 })).runId);
  const projects = await tracking.listProjects();
  expect(projects.map((one) => one.name)).toEqual([...new Set(all.map(projectOf))].sort());
  expect(projects[0]).toMatchObject({ name: "", runs: 1, lastRunMs: 5 });
  expect(runId).toHaveLength(32);
  await db.close();
});

test("a pipeline's experiment is found again after it was moved", async () => {
  const db = await open();
  const tracking = createTracking({ db, clock: new ManualClock(1000) });
  expect(await tracking.findPipelineExperiment("churn")).toBeUndefined();
  const id = await tracking.ensurePipelineExperiment("churn");
  await tracking.renameExperiment(id, "team-a/churn");
  expect(await tracking.ensurePipelineExperiment("churn")).toBe(id);
  expect(await tracking.findPipelineExperiment("churn")).toBe(id);
  expect(await tracking.ensurePipelineExperiment("other")).not.toBe(id);
  await tracking.deleteExperiment(id);
  expect(await tracking.findPipelineExperiment("churn")).toBeUndefined();
  expect(await tracking.ensurePipelineExperiment("churn")).not.toBe(id);
  await db.close();
});

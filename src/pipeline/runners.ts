/** Which runner does a step; what this release does not run is refused here, when it is used. */

import { fail } from "../base/errors.ts";
import type { Pipeline, Step } from "../spec/types.ts";
import { cmdRunner } from "./cmd.ts";
import type { StepRunner, StepRunners } from "./types.ts";

/** The runner of a step's kind. */
export function runnerOf(step: Step, kinds: StepRunners): StepRunner {
  const runner = { cmd: cmdRunner, ...kinds }[step.kind];
  if (runner === undefined) throw fail("INTERNAL", { what: `no runner was given for steps of kind ${step.kind}` });
  // The table ties each kind to its own step type; here only the kind is known.
  return runner as StepRunner;
}

/** Throws NOT_AVAILABLE for settings of the chosen steps that are part of the language but not of this release. */
export function refuseUnavailable(pipeline: Pipeline, names: Iterable<string>): void {
  for (const name of names) {
    const step = pipeline.steps[name]!;
    const place = `${pipeline.file}:${step.line}`;
    if (step.runner !== "local")
      throw fail("NOT_AVAILABLE", {
        what: `step ${name} wants runner ${step.runner}, which is not available yet`,
        place,
        mend: "remove runner: the step then runs as a child process",
      });
    if (step.grid !== undefined)
      throw fail("NOT_AVAILABLE", {
        what: `step ${name} has a grid, and searching is not available yet`,
        place,
        mend: "remove grid and give each parameter one value",
      });
  }
}

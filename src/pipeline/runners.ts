/** Which runner does a step. */

import { fail } from "../base/errors.ts";
import type { Step } from "../spec/types.ts";
import { chooseRunner } from "./choose.ts";
import { cmdRunner } from "./cmd.ts";
import { isGrid } from "./grid.ts";
import type { StepRunner, StepRunners } from "./types.ts";

/** The runner of a step's kind. */
export function runnerOf(step: Step, kinds: StepRunners): StepRunner {
  if (isGrid(step)) return chooseRunner as StepRunner;
  const runner = { cmd: cmdRunner, ...kinds }[step.kind];
  if (runner === undefined) throw fail("INTERNAL", { what: `no runner was given for steps of kind ${step.kind}` });
  // The table ties each kind to its own step type; here only the kind is known.
  return runner as StepRunner;
}

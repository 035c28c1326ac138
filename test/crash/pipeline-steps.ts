/** The pipeline that is killed: outputs are written in halves with a pause between, children linger, folders have several files. */

import type { Pipeline } from "../../src/spec/types.ts";
import { pipelineOf, type StepGiven } from "../pipeline/make.ts";

/** Leaves a line for each execution in count/, which is no declared path. */
const counted = (name: string, work: string) => `mkdir -p count; echo . >> count/${name}; ${work}`;

const halves = (out: string, content: string) => `(echo head; sleep 0.04; ${content}; sleep 0.03; echo foot) > ${out}`;

export const STEPS = ["a", "b", "c", "d", "e"] as const;

export function crashPipeline(root: string, depth: number): Pipeline {
  const steps: Record<(typeof STEPS)[number], StepGiven> = {
    a: { cmd: counted("a", halves("build/a.txt", "cat in.txt")), deps: ["in.txt"], outs: ["build/a.txt"] },
    b: {
      cmd: counted("b", `sleep 30 & ${halves("build/b.txt", `cat build/a.txt; echo $TRIMTAB_PARAM_DEPTH`)}`),
      outs: ["build/b.txt"],
      params: { depth },
    },
    c: {
      cmd: counted(
        "c",
        `mkdir build/c; ${halves("build/c/1.txt", "cat build/a.txt")}; ${halves("build/c/2.txt", "true")}`,
      ),
      outs: ["build/c"],
    },
    d: {
      cmd: counted("d", `${halves("build/d.txt", "cat build/b.txt build/c/1.txt")}; cp build/d.txt build/d2.txt`),
      outs: ["build/d.txt", "build/d2.txt"],
      retry: { attempts: 2, delayMs: 1, backoff: 1 },
    },
    e: { cmd: counted("e", "setsid sleep 30 & cp build/d2.txt build/e.txt"), outs: ["build/e.txt"] },
  };
  return pipelineOf(root, steps);
}

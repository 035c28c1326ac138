/** What the steps must be to one another: no cycles, one writer an output, and somebody who makes what is read. */

import type { Complaints } from "./complaints.ts";
import type { Disk } from "./disk.ts";
import { isInside, overlaps, schemeOf } from "./files.ts";
import { cyclesOf, edgesOf, type Read, readsOf, readsOut } from "./graph.ts";
import { mendName, nearest } from "./nearest.ts";
import type { Path } from "./path.ts";
import type { Pipeline, Step } from "./types.ts";

/** Adds what is wrong to `complaints`. Without a disk it is not asked whether files exist. */
export function lint(pipeline: Pipeline, complaints: Complaints, disk?: Disk): void {
  const steps = Object.values(pipeline.steps);
  // When outputs or data are themselves in doubt, "nobody makes it" would often be false.
  const inDoubt = complaints.some(isAboutSources(pipeline));
  lintWriters(steps, pipeline, complaints);
  lintCycles(pipeline, complaints);
  for (const step of steps) {
    lintOwnOutputs(step, pipeline, complaints);
    if (!inDoubt) lintReads(step, pipeline, complaints, disk);
  }
}

/** The complaint leaves open what is written: it is about data, about outputs, or has cost us a whole step. */
const isAboutSources =
  ({ steps }: Pipeline) =>
  ([top, name, key]: Path): boolean => {
    if (top === "data" || name === undefined) return top === "data" || top === "steps";
    const step = top === "steps" && Object.hasOwn(steps, name) ? steps[name] : undefined;
    if (step === undefined) return top === "steps";
    return key === "outs" || (step.kind === "cmd" && ["metrics", "plots", "wdir"].includes(String(key)));
  };

interface Written {
  step: Step;
  path: string;
  at: Path;
}

const writtenBy = (step: Step): Written[] =>
  step.outs.map((path, i) => ({ step, path, at: ["steps", step.name, "outs", i] }));

/** The output that the parser added to a transform. */
const isFittedState = ({ step, path }: Written): boolean => step.kind === "transform" && path === step.outs.at(-1);

function lintWriters(steps: Step[], pipeline: Pipeline, complaints: Complaints): void {
  const all = steps.flatMap(writtenBy);
  for (const [i, later] of all.entries()) {
    const earlier = all.slice(0, i).find((w) => overlaps(w.path, later.path));
    if (earlier === undefined) continue;
    const other = earlier.step === later.step ? "the same step" : `step ${earlier.step.name}`;
    const how =
      earlier.path === later.path
        ? `${later.path} is also written by ${other}`
        : `${later.path} and ${earlier.path} of ${other} lie one inside the other`;
    const mend = isFittedState(later)
      ? "transform adds features.json beside its first output; write outs to a folder of its own"
      : "give each output a path of its own";
    complaints.add({ path: later.at, what: how, mend, code: "SPEC_GRAPH" });
  }
  for (const { path, at } of all) {
    if (!isInside(pipeline.file, path)) continue;
    complaints.add({
      path: at,
      what: `the output ${path} would replace ${pipeline.file}`,
      mend: "write it elsewhere",
      code: "SPEC_GRAPH",
    });
  }
}

function lintCycles(pipeline: Pipeline, complaints: Complaints): void {
  for (const cycle of cyclesOf(edgesOf(pipeline))) {
    const [first] = cycle;
    const what = `the steps wait for one another: ${[...cycle, first].join(" needs ")}`;
    const mend = "take one of these outputs out of deps or cmd of the step that should go first";
    complaints.add({ path: ["steps", first!], what, mend, code: "SPEC_GRAPH" });
  }
}

/** A step that reads its own output would never be up to date. */
function lintOwnOutputs(step: Step, pipeline: Pipeline, complaints: Complaints): void {
  for (const read of readsOf(step, pipeline.data)) {
    const out = step.outs.find((o) => read.as !== "word" && readsOut(read, o));
    if (out === undefined) continue;
    const what =
      out === read.path ? `the step reads its own output ${out}` : `${read.path} overlaps the step's own output ${out}`;
    complaints.add({ path: read.at, what, mend: "read and write different paths", code: "SPEC_GRAPH" });
  }
}

function lintReads(step: Step, pipeline: Pipeline, complaints: Complaints, disk: Disk | undefined): void {
  const outs = Object.values(pipeline.steps).flatMap((s) => (s === step ? [] : s.outs));
  for (const read of readsOf(step, pipeline.data)) {
    if (read.as !== "file" || read.path === "" || schemeOf(read.path) !== undefined) continue;
    if (outs.some((out) => readsOut(read, out))) continue;
    const isSubject = (step.kind === "validate" || step.kind === "transform") && read.at.at(-1) === step.kind;
    if (isSubject) complainSubject(read, pipeline, outs, complaints);
    else if (disk !== undefined && !disk.exists(read.path) && !disk.exists(`${read.path}.dvc`)) {
      const what = `${read.path} does not exist and no step writes it`;
      const near = nearest(read.path, outs);
      const mend = near === undefined ? "mend the path, or add it to outs of the step that writes it" : `write ${near}`;
      complaints.add({ path: read.at, what, mend, code: "SPEC_GRAPH" });
    } else if (disk !== undefined && isText(read) && disk.exists(read.path) && disk.read(read.path) === undefined) {
      const what = `${read.path} is not a file that can be read`;
      complaints.add({
        path: read.at,
        what,
        mend: "name a file, and check its permissions",
        code: "FILE_NOT_READABLE",
      });
    }
  }
}

/** Read by us rather than by a command, which may take folders. */
const isText = (read: Read): boolean => read.at.at(-1) === "spec" || read.at.at(-1) === "suite";

function complainSubject(read: Read, pipeline: Pipeline, outs: string[], complaints: Complaints): void {
  const what = `${read.written} is no name in data: and no step writes it`;
  const known = [...Object.keys(pipeline.data), ...outs];
  const mend = known.length === 0 ? "add it to data:, with a name" : mendName(read.written, known, "data and outputs");
  complaints.add({ path: read.at, what, mend, code: "SPEC_GRAPH" });
}

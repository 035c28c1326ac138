/**
 * Parts of the language whose work comes in a later release. They parse, and are refused when used: whoever is about to
 * act asks here first, so that nothing is silently left out.
 */

import { fail, type TrimtabError, TrimtabErrors } from "../base/errors.ts";
import { schemeOf } from "./files.ts";
import { readsOf } from "./graph.ts";
import type { DataSource, Pipeline, Step } from "./types.ts";

/** What is about to happen: steps run, a version is deployed. */
export type Use = "run" | "deploy";

interface Missing {
  line: number;
  path: string;
  what: string;
  mend: string;
}

/** Feature → where a pipeline uses it. One line here is taken out when the feature arrives. */
const FEATURES: Record<Use, Record<string, (pipeline: Pipeline, steps: Step[]) => Missing[]>> = {
  run: {
    runner: (_, steps) =>
      steps
        .filter((s) => s.runner !== "local")
        .map((s) => inStep(s, "runner", `runner: ${s.runner}`, "use runner: local for now")),
    engine: (_, steps) =>
      steps
        .filter((s) => "engine" in s && s.engine === "spark")
        .map((s) => inStep(s, "engine", "engine: spark", "use engine: duckdb for now")),
    s3: (pipeline, steps) => [
      ...Object.values(pipeline.data)
        .filter((d) => schemeOf(d.uri) !== undefined && steps.some((s) => reads(s, d, pipeline)))
        .map((d) =>
          missing(d.line, `data.${d.name}`, "data on S3", "copy it here and name the file or folder for now"),
        ),
      ...steps.flatMap((s) =>
        pathsOf(s, pipeline)
          .filter(([, path]) => schemeOf(path) !== undefined)
          .map(([key, path]) => inStep(s, key, `${path} on S3`, "use a local path for now")),
      ),
    ],
  },
  deploy: {
    strategy: ({ deploy }) =>
      deploy.strategy === "direct"
        ? []
        : [missing(deploy.line, "deploy.strategy", `strategy: ${deploy.strategy}`, "use strategy: direct for now")],
  },
};

/** What a step names as a file, in its verb, deps and outs, with the key that names it. */
const pathsOf = (step: Step, { data }: Pipeline): [key: string, path: string][] => [
  ...readsOf(step, data)
    .filter((read) => read.as === "file")
    .map((read): [string, string] => [String(read.at[2]), read.written]),
  ...step.outs.map((path): [string, string] => ["outs", path]),
];

const reads = (step: Step, source: DataSource, { data }: Pipeline): boolean =>
  readsOf(step, data).some((read) => read.as === "data" && read.written === source.name);

const missing = (line: number, path: string, what: string, mend: string): Missing => ({ line, path, what, mend });
const inStep = (step: Step, key: string, what: string, mend: string): Missing =>
  missing(step.line, `steps.${step.name}.${key}`, what, mend);

/** What the pipeline asks for that this release cannot do; for "run" only the named steps, or all. Empty when all is well. */
export function unavailable(pipeline: Pipeline, use: Use, stepNames?: Iterable<string>): TrimtabError[] {
  const names = stepNames === undefined ? undefined : new Set(stepNames);
  const steps = Object.values(pipeline.steps).filter((step) => names?.has(step.name) ?? true);
  return Object.values(FEATURES[use])
    .flatMap((find) => find(pipeline, steps))
    .map(({ line, path, what, mend }) =>
      fail("NOT_AVAILABLE", { what: `${what} is not available yet`, place: `${pipeline.file}:${line} ${path}`, mend }),
    );
}

/** Throws TrimtabErrors with NOT_AVAILABLE for each thing that `unavailable` finds. */
export function requireAvailable(pipeline: Pipeline, use: Use, stepNames?: Iterable<string>): void {
  const errors = unavailable(pipeline, use, stepNames);
  if (errors.length > 0) throw new TrimtabErrors(errors);
}

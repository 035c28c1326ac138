/**
 * A step with a grid, taken apart: one step for each combination of its values, and the step itself, which only chooses. So a
 * combination is planned, cached, limited, retried and told of like any step, and the others read the choice as if the
 * command had written it. Each combination writes in a tree of its own, so that they run side by side. Pure.
 */

import { join, relative } from "node:path";
import { hashValue } from "../base/hash.ts";
import { workspaceAt } from "../base/workspace.ts";
import { paramNamed, withParam } from "../spec/interpolate.ts";
import type { CmdStep, ParamValue, Pipeline, Step } from "../spec/types.ts";
import { paramText } from "./env.ts";

export const isGrid = (step: Step): step is CmdStep & Required<Pick<CmdStep, "grid" | "best">> =>
  step.kind === "cmd" && step.grid !== undefined && step.combination === undefined;

/** The step whose combination it is. */
export const gridOf = (step: Step): string | undefined => (step.kind === "cmd" ? step.combination?.of : undefined);

/** Steps of the combinations of a grid, in the order of its values. */
export const combinationsOf = (pipeline: Pipeline, grid: string): CmdStep[] =>
  Object.values(pipeline.steps).filter((step): step is CmdStep => gridOf(step) === grid);

/** Folder with the trees of a grid's combinations. */
export const gridFolder = (root: string, grid: string): string => join(workspaceAt(root, {}).state, "grid", grid);

/** The pipeline with every grid taken apart. */
export function expandGrids(pipeline: Pipeline): Pipeline {
  const steps = Object.values(pipeline.steps);
  if (!steps.some(isGrid)) return pipeline;
  const expanded = steps.flatMap((step) =>
    isGrid(step) ? [...combinations(step.grid).map((some) => combine(pipeline, step, some)), choice(step)] : [step],
  );
  return { ...pipeline, steps: Object.fromEntries(expanded.map((step) => [step.name, step])) };
}

type Combination = Record<string, ParamValue>;

/** Every combination once, the last param changing fastest. */
function combinations(grid: Record<string, ParamValue[]>): Combination[] {
  let all: Combination[] = [{}];
  for (const [name, values] of Object.entries(grid))
    all = all.flatMap((before) => values.map((value) => ({ ...before, [name]: value })));
  return [...new Map(all.map((one) => [hashValue(one), one])).values()];
}

const LABEL_CHARS_MAX = 80;

/** "max_depth=3,rate=0.1"; a hash where that would be no good name of a file, or two values look the same. */
function labelOf(some: Combination, grid: Record<string, ParamValue[]>): string {
  const label = Object.entries(some)
    .map(([name, value]) => `${name}=${paramText(value)}`)
    .join(",");
  const isPlain = /^[\w.=,+-]+$/.test(label) && label.length <= LABEL_CHARS_MAX;
  const twins = combinations(grid).filter((other) => textsOf(other) === textsOf(some));
  return isPlain && twins.length === 1 ? label : hashValue(some).slice(0, 12);
}

const textsOf = (some: Combination): string => JSON.stringify(Object.values(some).map(paramText));

function combine(
  pipeline: Pipeline,
  step: CmdStep & { grid: Record<string, ParamValue[]> },
  some: Combination,
): CmdStep {
  const { grid, best, ...plain } = step;
  const label = labelOf(some, grid);
  const tree = relative(pipeline.root, join(gridFolder(pipeline.root, step.name), label));
  const inTree = (path: string) => join(tree, path);
  let { params } = step;
  for (const [name, value] of Object.entries(some)) params = withParam(params, name, value);
  return {
    ...plain,
    name: `${step.name}@${label}`,
    params,
    outs: step.outs.map(inTree),
    metricFiles: step.metricFiles.map(inTree),
    combination: { of: step.name, params: some, tree },
  };
}

/** What remains of the step itself: it reads its combinations and nothing else. The params that it keeps name reasons. */
const choice = (step: CmdStep): CmdStep => ({
  ...step,
  cmd: [],
  deps: [],
  env: [],
  params: settledParams(step),
  metricFiles: [],
  retry: { ...step.retry, attempts: 1 },
  resources: {},
});

/** What a param of a step is called in a run: its own name, with the step's where another step has one of that name too. */
export function paramName(pipeline: Pipeline, step: string, param: string): string {
  const isShared = Object.values(pipeline.steps).some(
    (other) => other.name !== step && gridOf(other) !== step && Object.hasOwn(other.params, param),
  );
  return isShared ? `${step}.${param}` : param;
}

/** Params of a step that its grid does not search. */
function settledParams(step: CmdStep): Record<string, ParamValue> {
  const searched = Object.keys(step.grid ?? {});
  const isSearched = ([name, value]: [string, ParamValue]) =>
    searched.some((each) => paramNamed({ [name]: value }, each) !== undefined);
  return Object.fromEntries(Object.entries(step.params).filter((entry) => !isSearched(entry)));
}

/**
 * Overrides: every key of pipeline.yaml can be set from outside, as if the file said so.
 *
 * `TRIMTAB_` and the path in capitals, with `_` for everything that is neither letter nor digit: `gate.accuracy.min` is
 * TRIMTAB_GATE_ACCURACY_MIN, `steps.train.params.max_depth` TRIMTAB_STEPS_TRAIN_PARAMS_MAX_DEPTH, `alerts[0].slack`
 * TRIMTAB_ALERTS_0_SLACK. Names of steps, data and params must be in the file; metrics of the gate need not. A value is
 * read as YAML; an empty one counts as not set. TRIMTAB_PARAM_<NAME> and `--param name=value` set a param of every step that
 * has it, `--param step.name=value` of one. The nearer to the command line and the more exact, the stronger:
 * file < TRIMTAB_PARAM_X < TRIMTAB_STEPS_…_PARAMS_X < --param x < --param step.x.
 */

import type { Complaints } from "./complaints.ts";
import { nearest } from "./nearest.ts";
import { isMapping, type Path, pathKey, showPath, valueAt, withValueAt } from "./path.ts";
import { SHAPE, type Shape } from "./schema.ts";
import { CLASSIFICATION_METRICS, REGRESSION_METRICS, RUNTIME_METRICS } from "./types.ts";
import { show } from "./values.ts";
import { readYamlValue } from "./yaml.ts";

type Env = Record<string, string | undefined>;

/** Variables of Trimtab that are settings of the program, not of a pipeline. */
const RESERVED = ["DB", "STORE", "LOG", "PYTHON", "PORT", "SERVE_PORT", "HOST", "HOME", "TOKEN", "RUN_ID", "STEP"];
const RESERVED_FAMILIES = ["AUTOMATE_", "SERVE_", "RUN_", "TEST_", "BENCH_"];

const isReserved = (rest: string): boolean =>
  RESERVED.includes(rest) || RESERVED_FAMILIES.some((f) => rest.startsWith(f));

/** The variable that overrides a key: `["gate", "accuracy", "min"]` → TRIMTAB_GATE_ACCURACY_MIN. */
export const overrideName = (path: Path): string =>
  `TRIMTAB_${path
    .map((part) =>
      String(part)
        .toUpperCase()
        .replaceAll(/[^A-Z0-9]+/g, "_"),
    )
    .join("_")}`;

/** The document with all overrides applied. Complaints: one that names nothing or two things, or is no value. */
export function applyOverrides(
  document: unknown,
  env: Env,
  params: Record<string, string>,
  complaints: Complaints,
): unknown {
  const overrides = [...envOverrides(document, env, complaints), ...flagOverrides(document, params, complaints)];
  let result = document;
  for (const { name, text, path } of overrides) {
    const read = readYamlValue(text);
    if (read === undefined) {
      complaints.addOverride(
        name,
        `${show(text)} is not a value`,
        "close the brackets and quotes as in YAML, or quote it as a whole",
      );
      continue;
    }
    result = withValueAt(result, path, read.value);
    complaints.origins.set(pathKey(path), name);
  }
  return result;
}

interface Override {
  name: string;
  text: string;
  path: Path;
}

function envOverrides(document: unknown, env: Env, complaints: Complaints): Override[] {
  const keys = namesOf(keyPaths(SHAPE, document, []));
  const byParam = new Map<string, Path[]>();
  for (const path of paramPaths(document)) add(byParam, `TRIMTAB_PARAM_${overrideName(path.slice(3)).slice(8)}`, path);
  const found: Override[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("TRIMTAB_") || text === undefined || text === "" || isReserved(name.slice(8))) continue;
    const shared = byParam.get(name);
    const paths = shared ?? keys.get(name) ?? [];
    if (paths.length === 0) complainUnknown(name, [...keys.keys(), ...byParam.keys()], complaints);
    else if (shared === undefined && paths.length > 1) complainAmbiguous(name, paths, complaints);
    else found.push(...paths.map((path) => ({ name, text, path })));
  }
  // Shallow before deep, so that a key wins over the branch it is on; params of all steps before those of one.
  return found.toSorted(
    (a, b) => Number(byParam.has(b.name)) - Number(byParam.has(a.name)) || a.path.length - b.path.length,
  );
}

function flagOverrides(document: unknown, params: Record<string, string>, complaints: Complaints): Override[] {
  const byName = new Map<string, Path[]>();
  const byStep = new Map<string, Path[]>();
  for (const path of paramPaths(document)) {
    add(byName, path.slice(3).join("."), path);
    add(byStep, [path[1], ...path.slice(3)].join("."), path);
  }
  const found = Object.entries(params).flatMap(([key, text]) => {
    const name = `--param ${key}`;
    const paths = [...(byName.get(key) ?? []), ...(byStep.get(key) ?? [])];
    if (paths.length === 0)
      complainUnknown(
        name,
        [...byName.keys()].map((k) => `--param ${k}`),
        complaints,
      );
    if (byName.has(key) && byStep.has(key)) complainAmbiguous(name, paths, complaints);
    return paths.map((path) => ({ name, text, path }));
  });
  return found.toSorted((a, b) => Number(byStep.has(a.name.slice(8))) - Number(byStep.has(b.name.slice(8))));
}

function complainUnknown(name: string, known: string[], complaints: Complaints): void {
  const near = nearest(name, known);
  const mend = near === undefined ? "unset it; docs/pipeline.md lists the names" : `write ${near}, or unset it`;
  complaints.addOverride(name, "names no key of the pipeline", mend);
}

function complainAmbiguous(name: string, paths: Path[], complaints: Complaints): void {
  complaints.addOverride(name, `names ${paths.map(showPath).join(" and ")}`, "rename one of them in the file");
}

function add(map: Map<string, Path[]>, name: string, path: Path): void {
  map.set(name, [...(map.get(name) ?? []), path]);
}

function namesOf(paths: Iterable<Path>): Map<string, Path[]> {
  const names = new Map<string, Path[]>();
  for (const path of paths) add(names, overrideName(path), path);
  return names;
}

const METRICS = [...CLASSIFICATION_METRICS, ...REGRESSION_METRICS];
/** Names that may be added from outside although the file does not have them. */
const KNOWN_NAMES: Record<string, readonly string[]> = {
  gate: [...METRICS, ...RUNTIME_METRICS],
  "monitor.performance": METRICS,
};

/** Every path that the file has, that the language could have there, and one more item for each list. */
function* keyPaths(shape: Shape, value: unknown, path: Path): Generator<Path> {
  for (const [key, below] of childrenOf(shape, value, path)) {
    const at = [...path, key];
    yield at;
    yield* keyPaths(below, valueAt(value, [key]), at);
  }
}

function childrenOf(shape: Shape, value: unknown, path: Path): [string | number, Shape][] {
  if (shape.kind === "keys") return Object.entries(shape.keys);
  if (shape.kind === "named") {
    const names = [...Object.keys(isMapping(value) ? value : {}), ...(KNOWN_NAMES[path.join(".")] ?? [])];
    return [...new Set(names)].map((name) => [name, shape.each]);
  }
  const each = shape.kind === "list" ? shape.each : shape;
  if (Array.isArray(value))
    return [...value.keys(), ...(shape.kind === "list" ? [value.length] : [])].map((i) => [i, each]);
  if (shape.kind === "list") return [[0, each]];
  return isMapping(value) ? Object.keys(value).map((key) => [key, each]) : [];
}

/** steps.<step>.params.<…> for everything that is set there, also inside mappings. */
function* paramPaths(document: unknown): Generator<Path> {
  const steps = valueAt(document, ["steps"]);
  for (const step of Object.keys(isMapping(steps) ? steps : {})) {
    const path = ["steps", step, "params"];
    yield* keyPaths({ kind: "value" }, valueAt(document, path), path);
  }
}

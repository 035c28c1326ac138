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

import { isSwitchWord, SWITCHES } from "../base/automation.ts";
import type { Complaints } from "./complaints.ts";
import { nearest } from "./nearest.ts";
import { isMapping, type Path, pathKey, showPath, valueAt, withValueAt } from "./path.ts";
import { SHAPE, type Shape } from "./schema.ts";
import { CLASSIFICATION_METRICS, REGRESSION_METRICS, RUNTIME_METRICS } from "./types.ts";
import { show } from "./values.ts";
import { readYamlValue } from "./yaml.ts";

type Env = Record<string, string | undefined>;

/** Variables that are settings of the program, or that it sets for its children: no overrides. `*`: a family. */
export const PROGRAM_VARIABLES: Record<string, string> = {
  TRIMTAB_DB: "the database: a file, or postgres://…",
  TRIMTAB_STORE: "where artifacts are kept: a folder, or s3://…",
  TRIMTAB_LOG: "debug, info, warn or error",
  TRIMTAB_PYTHON: "the Python that serves pickled models",
  TRIMTAB_PORT: "port of the control process",
  TRIMTAB_SERVE_PORT: "port of serving",
  TRIMTAB_WEBHOOKS_PRIVATE: "allow lets webhooks call http and addresses inside private networks",
  TRIMTAB_PURGE_DELETED: "how long deleted runs are kept before they go for good, as 30d",
  TRIMTAB_ACTOR: "who acts, for the journal",
  "TRIMTAB_AUTOMATE_*": "false switches an automation off: RETRAIN, GATE or DEPLOY",
  TRIMTAB_RUN_ID: "set for a step: its run",
  TRIMTAB_STEP: "set for a step: its name",
  TRIMTAB_PIPELINE: "set for a step: its model",
  TRIMTAB_CHILD: "set for a step: how its processes are found again",
};

/** Inside a step the TRIMTAB_PARAM_… are that step's params, told to it; they override nothing. */
const isProgramVariable = (name: string, env: Env): boolean =>
  Object.hasOwn(PROGRAM_VARIABLES, name) ||
  SWITCHES.includes(name) ||
  (name.startsWith("TRIMTAB_PARAM_") && env.TRIMTAB_STEP !== undefined);

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
  for (const [name, of] of Map.groupBy(overrides, (one) => one.name))
    if (/^(--param |TRIMTAB_PARAM_)/.test(name)) complainSearched(of, name, result, complaints);
  return result;
}

/** A grid tries its own values instead of the param's: who wants another for this run would get none, and not a word. */
function complainSearched(overrides: Override[], name: string, document: unknown, complaints: Complaints): void {
  const found = overrides.map(({ path }) => searchedBy(document, path));
  const [first] = found;
  if (first === undefined || found.includes(undefined)) return;
  const { step, param } = first;
  const what = `the grid of step ${step} tries values of its own for ${param}`;
  complaints.addOverride(name, what, `set ${overrideName(["steps", step, "grid", param])} to a list such as [5]`);
}

function searchedBy(document: unknown, [top, step, key, ...rest]: Path): { step: string; param: string } | undefined {
  if (top !== "steps" || key !== "params" || step === undefined) return undefined;
  const grid = valueAt(document, ["steps", step, "grid"]);
  const set = rest.join(".");
  const param = Object.keys(isMapping(grid) ? grid : {}).find((each) => `${set}.`.startsWith(`${each}.`));
  return param === undefined ? undefined : { step: String(step), param };
}

interface Override {
  name: string;
  text: string;
  path: Path;
}

function envOverrides(document: unknown, env: Env, complaints: Complaints): Override[] {
  // A switch that is mistyped would leave on what somebody thinks is off.
  for (const name of SWITCHES)
    if (!isSwitchWord(env[name] ?? ""))
      complaints.addOverride(name, `${show(env[name])} says neither on nor off`, "write false or true");
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[0].startsWith("TRIMTAB_") && !!entry[1] && !isProgramVariable(entry[0], env),
  );
  // To list the keys costs milliseconds, and most runs have no override.
  if (given.length === 0) return [];
  const keys = pathsByName(keyPaths(SHAPE, document, []), overrideName);
  const shared = pathsByName(paramPaths(document), (path) => overrideName(["param", ...path.slice(3)]));
  const found = given.flatMap(([name, text]) => {
    const paths = shared.get(name) ?? keys.get(name) ?? [];
    if (paths.length === 0) complainUnknown(name, [...keys.keys(), ...shared.keys(), ...SWITCHES], complaints);
    else if (paths.length > 1 && !shared.has(name)) complainAmbiguous(name, paths, complaints);
    else return paths.map((path) => ({ name, text, path }));
    return [];
  });
  // Params of all steps before those of one, and shallow before deep: a key wins over the branch that it is on.
  return found.toSorted(
    (a, b) => Number(shared.has(b.name)) - Number(shared.has(a.name)) || a.path.length - b.path.length,
  );
}

function flagOverrides(document: unknown, params: Record<string, string>, complaints: Complaints): Override[] {
  const shared = pathsByName(paramPaths(document), (path) => path.slice(3).join("."));
  const ofStep = pathsByName(paramPaths(document), (path) => [path[1], ...path.slice(3)].join("."));
  const found = Object.entries(params).flatMap(([key, text]) => {
    const name = `--param ${key}`;
    const paths = [...(shared.get(key) ?? []), ...(ofStep.get(key) ?? [])];
    if (paths.length === 0)
      complainUnknown(
        name,
        [...shared.keys()].map((k) => `--param ${k}`),
        complaints,
      );
    if (shared.has(key) && ofStep.has(key)) complainAmbiguous(name, paths, complaints);
    return paths.map((path) => ({ key, name, text, path }));
  });
  return found.toSorted(
    (a, b) => Number(ofStep.has(a.key)) - Number(ofStep.has(b.key)) || a.path.length - b.path.length,
  );
}

function complainUnknown(name: string, known: string[], complaints: Complaints): void {
  const prefix = name.startsWith("--param ") ? "--param " : "TRIMTAB_";
  const near = nearest(
    name.slice(prefix.length),
    known.map((k) => k.slice(prefix.length)),
  );
  const what = prefix === "TRIMTAB_" ? "names no key of the pipeline" : "names no param of a step";
  const mend =
    near === undefined ? "leave it out; docs/pipeline.md says which names there are" : `write ${prefix}${near}`;
  complaints.addOverride(name, what, mend);
}

function complainAmbiguous(name: string, paths: Path[], complaints: Complaints): void {
  complaints.addOverride(name, `names ${paths.map(showPath).join(" and ")}`, "rename one of them in the file");
}

function pathsByName(paths: Iterable<Path>, nameOf: (path: Path) => string): Map<string, Path[]> {
  const names = new Map<string, Path[]>();
  for (const path of paths) names.set(nameOf(path), [...(names.get(nameOf(path)) ?? []), path]);
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

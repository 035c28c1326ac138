/** Steps: which keys go with which verb, what each verb needs, and the defaults. */

import { posix } from "node:path";
import { LIMITS } from "../base/limits.ts";
import type { Complaints } from "./complaints.ts";
import { normalPath, writtenPath } from "./files.ts";
import { paramNamed, referencesIn } from "./interpolate.ts";
import { mendName, nearest } from "./nearest.ts";
import type { RawStep } from "./schema.ts";
import * as t from "./types.ts";
import { show } from "./values.ts";

const VERBS = ["validate", "transform", "cmd", "evaluate"] as const satisfies readonly t.StepKind[];
type StepKey = keyof RawStep;

const COMMON: readonly StepKey[] = [
  "deps",
  "env",
  "retry",
  "resources",
  "runner",
  "cache",
  "always_changed",
  "desc",
  "meta",
  "matrix",
];
/** Keys that go with one verb only. */
const OWN: Record<t.StepKind, readonly StepKey[]> = {
  validate: ["expect", "suite", "engine"],
  transform: ["spec", "split", "outs", "engine"],
  cmd: ["outs", "metrics", "plots", "wdir", "params", "grid", "best"],
  evaluate: ["on", "target", "metrics"],
};
const RETRY = { attempts: 1, delayMs: 1000, backoff: 2 };

/** Every step that has one verb; what is wrong is complained about. */
export function buildSteps(raw: Record<string, RawStep>, complaints: Complaints): Record<string, t.Step> {
  const steps: Record<string, t.Step> = {};
  for (const [name, step] of Object.entries(raw)) {
    const kind = verbOf(name, step, complaints);
    if (kind === undefined) continue;
    refuseForeignKeys(name, kind, step, complaints);
    steps[name] = new StepBuilder(name, step, complaints).build(kind);
  }
  return steps;
}

function verbOf(name: string, step: RawStep, complaints: Complaints): t.StepKind | undefined {
  const verbs = VERBS.filter((verb) => step[verb] !== undefined);
  if (verbs.length === 1) return verbs[0];
  const path = ["steps", name];
  if (verbs.length > 1) {
    const what = `the step has ${verbs.length} verbs: ${verbs.join(" and ")}`;
    complaints.add({ path, what, mend: "make it one step for each" });
  } else if (!complaints.touches(path)) {
    complaints.add({ path, what: "the step does nothing", mend: `add one of ${VERBS.join(", ")}` });
  }
  return undefined;
}

function refuseForeignKeys(name: string, kind: t.StepKind, step: RawStep, complaints: Complaints): void {
  const allowed = [kind, ...COMMON, ...OWN[kind]] as readonly string[];
  for (const key of Object.keys(step)) {
    if (allowed.includes(key)) continue;
    const homes = VERBS.filter((verb) => (OWN[verb] as readonly string[]).includes(key));
    complaints.add({
      path: ["steps", name, key],
      what: `${key} does not go with ${kind}`,
      mend: `remove it; ${key} belongs to steps with ${homes.join(" or ")}`,
      code: "SPEC_UNKNOWN_KEY",
    });
  }
}

class StepBuilder {
  private readonly path: readonly string[];

  constructor(
    private readonly name: string,
    private readonly raw: RawStep,
    private readonly complaints: Complaints,
  ) {
    this.path = ["steps", name];
  }

  build(kind: t.StepKind): t.Step {
    switch (kind) {
      case "validate":
        return this.validate();
      case "transform":
        return this.transform();
      case "cmd":
        return this.cmd();
      case "evaluate":
        return this.evaluate();
      default: {
        const missing: never = kind;
        return missing;
      }
    }
  }

  private validate(): t.ValidateStep {
    const { expect, suite, validate = "", engine = "duckdb" } = this.raw;
    const expectations = (expect ?? []).flatMap((all, i) =>
      all.map((e) => ({ ...e, line: this.complaints.lineOf([...this.path, "expect", i]) })),
    );
    if (expectations.length === 0 && suite === undefined) {
      this.need("expect", "the step checks nothing", "add expect: with a list of expectations, or suite: with a file");
    }
    return {
      ...this.base(),
      kind: "validate",
      subject: validate,
      expectations,
      ...(suite !== undefined && { suite }),
      engine,
    };
  }

  private transform(): t.TransformStep {
    const { transform = "", spec, split, engine = "duckdb" } = this.raw;
    const outs = this.written("outs");
    if (spec === undefined) this.need("spec", "the step has no spec", "add spec: features.yaml");
    if (split !== undefined && split.holdout === undefined) {
      this.need("split", "the split has no holdout", "add holdout: with a share, such as 0.2");
    }
    const wanted = split === undefined ? 1 : 2;
    if (outs.length !== wanted && !this.complaints.touches([...this.path, "split"])) {
      const what = `the step has ${outs.length} outputs, and a transform ${split === undefined ? "without" : "with"} split writes ${wanted}`;
      const example = split === undefined ? "[build/train.parquet]" : "[build/train.parquet, build/holdout.parquet]";
      this.need("outs", what, `write outs: ${example}`);
    }
    const fitted = normalPath(posix.join(posix.dirname(outs[0] ?? ""), "features.json"));
    return {
      ...this.base(),
      kind: "transform",
      subject: transform,
      spec: spec ?? "",
      outs: [...outs, fitted],
      engine,
      ...(split?.holdout !== undefined && {
        split: { holdout: split.holdout, ...(split.by !== undefined && { by: split.by }) },
      }),
    };
  }

  private cmd(): t.CmdStep {
    const { cmd = [], params = {}, grid, best, wdir } = this.raw;
    const metricFiles = this.written("metrics");
    for (const name of Object.keys(grid ?? {})) {
      if (paramNamed(params, name) !== undefined || this.isParamInDoubt(name)) continue;
      const mend = `add it to params with the value of an ordinary run, or ${mendName(name, Object.keys(params), "params")}`;
      this.complaints.add({ path: [...this.path, "grid", name], what: `${name} is not a param of the step`, mend });
    }
    this.checkGrid(grid);
    for (const [i, command] of cmd.entries()) this.checkReferences(command, cmd.length > 1 ? i : undefined, params);
    return {
      ...this.base(),
      kind: "cmd",
      // `|| exit` and not `&&`: a command of several lines must not go on in the wrong folder.
      cmd: wdir === undefined ? cmd : cmd.map((c) => `cd '${wdir.replaceAll("'", `'\\''`)}' || exit\n${c}`),
      deps: (this.raw.deps ?? []).map((path) => this.inWorkFolder(path)),
      outs: [...new Set([...this.written("outs"), ...metricFiles, ...this.written("plots")])],
      ...(wdir !== undefined && { wdir }),
      metricFiles,
      params,
      ...(grid && { grid }),
      ...(best && { best }),
    };
  }

  private checkGrid(grid: Record<string, t.ParamValue[]> | undefined): void {
    if (grid === undefined) {
      if (this.raw.best !== undefined && !this.complaints.touches([...this.path, "grid"]))
        this.need("best", "the step has no grid to choose from", "add grid:, or remove best:");
      return;
    }
    const count = Object.values(grid).reduce((all, values) => all * values.length, 1);
    const path = [...this.path, "grid"];
    if (count > LIMITS.gridCombinations) {
      const what = `the grid has ${count} combinations, and ${LIMITS.gridCombinations} are the most`;
      this.complaints.add({ path, what, mend: "try fewer values at once" });
    }
    if (this.raw.cache === false || this.raw.always_changed === true) {
      const mend = "remove cache: false, or the grid";
      this.complaints.add({ path, what: "the step keeps nothing, and a grid chooses among what was kept", mend });
    }
  }

  private evaluate(): t.EvaluateStep {
    const { evaluate = "", on, target } = this.raw;
    if (on === undefined)
      this.need("on", "the step has no holdout rows", "add on: with the file that a transform with split writes");
    if (target === undefined)
      this.need("target", "the step has no target", "add target: with the column that holds the truth");
    return {
      ...this.base(),
      kind: "evaluate",
      subject: evaluate,
      on: on ?? "",
      target: target ?? "",
      metrics: this.metrics(),
    };
  }

  private metrics(): t.MetricName[] {
    const { CLASSIFICATION_METRICS, REGRESSION_METRICS } = t;
    const known: readonly string[] = [...CLASSIFICATION_METRICS, ...REGRESSION_METRICS];
    const names = this.raw.metrics ?? [];
    const path = [...this.path, "metrics"];
    for (const [i, name] of names.entries()) {
      if (known.includes(name)) continue;
      const what = `there is no metric ${show(name)}`;
      this.complaints.add({ path: [...path, i], what, mend: mendName(name, known, "metrics") });
    }
    if (names.length === 0)
      this.need("metrics", "the step measures nothing", "add metrics:, such as [accuracy, roc_auc] or [mae, rmse]");
    const ofClasses = names.find((n) => CLASSIFICATION_METRICS.some((m) => m === n));
    const ofNumbers = names.find((n) => REGRESSION_METRICS.some((m) => m === n));
    if (ofClasses !== undefined && ofNumbers !== undefined) {
      const what = `${ofClasses} is for classes and ${ofNumbers} for numbers`;
      this.complaints.add({ path, what, mend: "name metrics of one sort" });
    }
    return names as t.MetricName[];
  }

  private checkReferences(command: string, index: number | undefined, params: Record<string, t.ParamValue>): void {
    const path = [...this.path, "cmd", ...(index === undefined ? [] : [index])];
    for (const name of new Set(referencesIn(command))) {
      if (paramNamed(params, name) !== undefined || this.isParamInDoubt(name)) continue;
      const near = nearest(name, Object.keys(params));
      const mend = `${near === undefined ? `add ${name} to params` : `write \${${near}}`}, or $${name} for a variable of the shell`;
      this.complaints.add({ path, what: `the command names \${${name}}, which is not a param of the step`, mend });
    }
  }

  /** The param was written and is complained about already. */
  private isParamInDoubt(name: string): boolean {
    const path = [...this.path, "params"];
    return this.complaints.touches(this.raw.params === undefined ? path : [...path, name]);
  }

  private need(key: string, what: string, mend: string): void {
    const path = [...this.path, key];
    if (!this.complaints.touches(path)) this.complaints.add({ path, what, mend });
  }

  /** Outputs under a key, relative to the root; those that may not be written are complained about and left out. */
  private written(key: "outs" | "metrics" | "plots"): string[] {
    return (this.raw[key] ?? []).flatMap((path, i) => {
      const reading = writtenPath(this.inWorkFolder(path));
      if ("value" in reading) return [reading.value];
      for (const w of reading.wrong) this.complaints.add({ path: [...this.path, key, i], ...w });
      return [];
    });
  }

  private inWorkFolder(path: string): string {
    const { wdir } = this.raw;
    if (wdir === undefined || posix.isAbsolute(path) || path.includes("://")) return path;
    return normalPath(posix.join(wdir, path));
  }

  private base() {
    const { raw, name, complaints } = this;
    const { retry, resources } = raw;
    return {
      name,
      line: complaints.lineOf(this.path),
      deps: raw.deps ?? [],
      outs: [] as string[],
      params: {},
      retry: {
        attempts: retry?.attempts ?? RETRY.attempts,
        delayMs: retry?.delay ?? RETRY.delayMs,
        backoff: retry?.backoff ?? RETRY.backoff,
      },
      resources: {
        ...(resources?.cpus !== undefined && { cpus: resources.cpus }),
        ...(resources?.memory !== undefined && { memoryBytes: resources.memory }),
        ...(resources?.timeout !== undefined && { timeoutMs: resources.timeout }),
      },
      env: raw.env ?? [],
      cache: raw.cache !== false && raw.always_changed !== true,
      runner: raw.runner ?? "local",
      ...(raw.desc !== undefined && { desc: raw.desc }),
    };
  }
}

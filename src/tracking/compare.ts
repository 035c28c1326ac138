/** What differs between runs: params, data, code, environment and metrics, one row a key with a value for each run. Pure. */

import { type Run, TAGS } from "./types.ts";

const COMPARE_SECTIONS = ["params", "data", "code", "environment", "metrics"] as const;
export type CompareSection = (typeof COMPARE_SECTIONS)[number];

export interface CompareRow {
  section: CompareSection;
  key: string;
  /** One for each run, in their order; null where the run has none. */
  values: (string | number | null)[];
  same: boolean;
}

const CODE_TAGS = new Set<string>([TAGS.gitCommit, TAGS.gitDirty, "mlflow.source.name", "mlflow.source.git.branch"]);
const ENVIRONMENT = "trimtab.env.";

function sectionsOf(run: Run): Record<CompareSection, Map<string, string | number>> {
  const tags = run.tags.filter((tag) => CODE_TAGS.has(tag.key) || tag.key.startsWith(ENVIRONMENT));
  return {
    params: new Map(run.params.map((p) => [p.key, p.value])),
    data: new Map(run.datasets.map(({ dataset }) => [dataset.name, dataset.digest])),
    code: new Map(tags.filter((t) => CODE_TAGS.has(t.key)).map((t) => [t.key, t.value])),
    environment: new Map(
      tags.filter((t) => !CODE_TAGS.has(t.key)).map((t) => [t.key.slice(ENVIRONMENT.length), t.value]),
    ),
    metrics: new Map(run.metrics.map((m) => [m.key, m.value])),
  };
}

/** Every key that any of the runs has, section by section, keys in order. NaN equals NaN. */
export function compareRuns(runs: readonly Run[]): CompareRow[] {
  const all = runs.map(sectionsOf);
  return COMPARE_SECTIONS.flatMap((section) => {
    const keys = [...new Set(all.flatMap((one) => [...one[section].keys()]))].sort();
    return keys.map((key) => {
      const values = all.map((one) => one[section].get(key) ?? null);
      return { section, key, values, same: values.every((value) => Object.is(value, values[0])) };
    });
  });
}

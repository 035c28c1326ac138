/**
 * DVC's `matrix`: a step written once that stands for one step for each combination of some values, `train@forest-small`, with
 * `${item.<name>}` replaced in everything that it says. Done before the shape is checked, so that what comes of it is checked
 * like any step. Values that are no good names are counted instead: `train@model0-small`.
 */

import type { Scalar } from "../base/columns.ts";
import { LIMITS } from "../base/limits.ts";
import type { Complaints } from "./complaints.ts";
import { mendName } from "./nearest.ts";
import { isMapping, type Mapping, type Path } from "./path.ts";
import { matrix as readMatrix } from "./values.ts";

/** Values by name. */
export type Item = Record<string, Scalar>;

/** The document with every matrix that can be read written out, and the item of each step that came of one. */
export function expandMatrices(
  document: unknown,
  complaints: Complaints,
): { document: unknown; items: ReadonlyMap<string, Item> } {
  const items = new Map<string, Item>();
  if (!isMapping(document) || !isMapping(document.steps)) return { document, items };
  const steps: [string, unknown][] = [];
  for (const [name, step] of Object.entries(document.steps)) {
    const written = isMapping(step) ? itemsOf(name, step, complaints) : undefined;
    if (written === undefined) steps.push([name, step]);
    for (const [label, item] of written ?? []) {
      const { matrix: _, ...rest } = step as Mapping;
      const made = `${name}@${label}`;
      complaints.writtenAs.set(made, name);
      items.set(made, item);
      steps.push([made, fill(rest, item, ["steps", made], complaints)]);
    }
  }
  return { document: { ...document, steps: Object.fromEntries(steps) }, items };
}

/** Label → item, the last name changing fastest; undefined when the step has no matrix, or one that is complained about. */
function itemsOf(name: string, step: Mapping, complaints: Complaints): Map<string, Item> | undefined {
  if (step.matrix === undefined || step.matrix === null) return undefined;
  const reading = readMatrix(step.matrix);
  if ("wrong" in reading) return undefined;
  const count = Object.values(reading.value).reduce((all, values) => all * values.length, 1);
  if (count > LIMITS.gridCombinations) {
    const what = `the matrix has ${count} combinations, and ${LIMITS.gridCombinations} are the most`;
    complaints.add({ path: ["steps", name, "matrix"], what, mend: "write fewer values" });
    return undefined;
  }
  let all: [string[], Item][] = [[[], {}]];
  for (const [key, values] of Object.entries(reading.value))
    all = all.flatMap(([labels, item]) =>
      values.map((value, i): [string[], Item] => [
        [...labels, areNames(values) ? String(value) : `${key}${i}`],
        { ...item, [key]: value },
      ]),
    );
  return new Map(all.map(([labels, item]) => [labels.join("-"), item]));
}

/** Each is good in a name and there once. */
const areNames = (values: readonly Scalar[]): boolean =>
  values.every((value) => /^[\w.]+$/.test(String(value))) && new Set(values.map(String)).size === values.length;

const REFERENCE = /(\\?)\$\{item\.([A-Za-z_][\w-]*)\}/g;

/** A text that is one reference and nothing else becomes the value itself, so that a number stays one. */
function fill(value: unknown, item: Item, path: Path, complaints: Complaints): unknown {
  if (Array.isArray(value)) return value.map((each, i) => fill(each, item, [...path, i], complaints));
  if (isMapping(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, fill(inner, item, [...path, key], complaints)]),
    );
  if (typeof value !== "string") return value;
  const whole = /^\$\{item\.([A-Za-z_][\w-]*)\}$/.exec(value)?.[1];
  if (whole !== undefined && Object.hasOwn(item, whole)) return item[whole];
  return value.replace(REFERENCE, (written, backslash: string, name: string) => {
    if (backslash !== "") return written;
    if (Object.hasOwn(item, name)) return String(item[name]);
    const what = `there is no ${name} in the matrix`;
    complaints.add({ path, what, mend: mendName(name, Object.keys(item), "names in it") });
    return name;
  });
}

/**
 * DVC's list form of `params`, turned into the mapping that it stands for: `[lr, train.epochs]` reads params.yaml,
 * `{ other.json: [a] }` another file, `{ other.yaml: }` all of it. Done before overrides, so that these reach the values.
 */

import { TrimtabErrors } from "../base/errors.ts";
import type { Complaints } from "./complaints.ts";
import type { Disk } from "./disk.ts";
import { normalPath } from "./files.ts";
import { paramNamed } from "./interpolate.ts";
import { mendName } from "./nearest.ts";
import { isMapping, type Mapping, type Path, withoutKey, withValueAt } from "./path.ts";
import type { ParamValue } from "./types.ts";
import { show } from "./values.ts";
import { readYaml } from "./yaml.ts";

const DEFAULT_FILE = "params.yaml";

/** The document with every list under `params` replaced; what cannot be read is complained about and left out. */
export function expandParams(document: unknown, complaints: Complaints, disk?: Disk): unknown {
  const steps = isMapping(document) && isMapping(document.steps) ? document.steps : {};
  let result = document;
  for (const [name, step] of Object.entries(steps)) {
    if (!isMapping(step) || !Array.isArray(step.params)) continue;
    const path = ["steps", name, "params"];
    const values = new ParamsReader(path, complaints, disk).readList(step.params);
    result = values === undefined ? withoutKey(result, path) : withValueAt(result, path, values);
  }
  return result;
}

class ParamsReader {
  private readonly files = new Map<string, Mapping | undefined>();
  private readonly values: Mapping = {};
  private isWhole = true;

  constructor(
    private readonly path: Path,
    private readonly complaints: Complaints,
    private readonly disk: Disk | undefined,
  ) {}

  /** Undefined when something was complained about. */
  readList(items: readonly unknown[]): Mapping | undefined {
    for (const [i, item] of items.entries()) {
      const at = [...this.path, i];
      if (typeof item === "string") this.pick(DEFAULT_FILE, item, at);
      else if (isMapping(item))
        for (const [file, keys] of Object.entries(item)) this.pickFrom(file, keys, [...at, file]);
      else this.complain(at, `${show(item)} is not the name of a param`, "write a name, or { file.yaml: [names] }");
    }
    return this.isWhole ? this.values : undefined;
  }

  private pickFrom(file: string, keys: unknown, at: Path): void {
    if (keys === null) {
      Object.assign(this.values, this.fileNamed(file, at) ?? {});
    } else if (Array.isArray(keys) && keys.every((key) => typeof key === "string")) {
      for (const key of keys) this.pick(file, key, at);
    } else
      this.complain(at, `${show(keys)} is not a list of names`, "write a list of names, or nothing for the whole file");
  }

  private pick(file: string, key: string, at: Path): void {
    const values = this.fileNamed(file, at);
    if (values === undefined) return;
    const value = paramNamed(values as Record<string, ParamValue>, key);
    if (value === undefined) {
      this.complain(at, `${file} has no ${key}`, mendName(key, Object.keys(values), `params of ${file}`));
    } else this.values[key] = value;
  }

  private fileNamed(file: string, at: Path): Mapping | undefined {
    if (!this.files.has(file)) this.files.set(file, this.readFile(file, at));
    return this.files.get(file);
  }

  private readFile(file: string, at: Path): Mapping | undefined {
    if (!/\.(ya?ml|json)$/.test(file)) {
      return this.complain(
        at,
        `${file} is neither YAML nor JSON`,
        "keep the params in a .yaml or .json file, or write name: value pairs here",
      );
    }
    const bytes = this.disk?.read(normalPath(file));
    if (bytes === undefined)
      return this.complain(at, `${file} cannot be read`, `make ${file}, or write name: value pairs here`);
    try {
      const { value } = readYaml(bytes, file);
      if (isMapping(value)) return value;
      return this.complain(at, `${file} is not a mapping`, "write name: value pairs in it");
    } catch (error) {
      const first = error instanceof TrimtabErrors ? error.errors[0] : undefined;
      if (first === undefined) throw error;
      return this.complain(at, `${first.place}: ${first.message}`, first.mend);
    }
  }

  private complain(path: Path, what: string, mend: string): undefined {
    this.isWhole = false;
    this.complaints.add({ path, what, mend });
  }
}

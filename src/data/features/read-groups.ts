/** Reads what stands under `features:`: groups of columns, each with its transforms and their options. */

import { mendName } from "../../spec/nearest.ts";
import type { Path } from "../../spec/path.ts";
import { isMapping } from "../../spec/path.ts";
import { type SpecReader, show } from "./read-spec.ts";
import type { GroupSpec } from "./spec.ts";
import type { OptionValue, OptionValues, Transform } from "./transforms/define.ts";
import { TRANSFORMS } from "./transforms/table.ts";

const GROUP_KEYS = ["columns", ...TRANSFORMS.keys()];

export function readGroups(reader: SpecReader, value: unknown): GroupSpec[] {
  const groups: GroupSpec[] = [];
  for (const [name, body] of Object.entries(reader.mapping(value, ["features"]) ?? {})) {
    const group = readGroup(reader, name, body);
    if (group) groups.push(group);
  }
  return groups;
}

/** A bare list of names is a group without transforms. */
function readGroup(reader: SpecReader, name: string, body: unknown): GroupSpec | undefined {
  const path: Path = ["features", name];
  if (name.includes("__"))
    reader.complain(path, `the group's name ${name} holds "__"`, "that separates group and column; rename it");
  if (name === "remainder") reader.complain(path, "remainder is not a group's name", "rename it");
  if (Array.isArray(body))
    return { name, place: reader.place(path), columns: reader.names(body, path), transforms: [] };
  const mapping = reader.mapping(body, path, GROUP_KEYS);
  if (!mapping) return undefined;
  if (mapping.columns === undefined) reader.complain(path, "the group has no columns", "add columns: [name, …]");
  const columns = mapping.columns === undefined ? [] : reader.names(mapping.columns, [...path, "columns"]);
  const transforms: GroupSpec["transforms"] = [];
  for (const transform of TRANSFORMS.values()) {
    const options = mapping[transform.key];
    const at = [...path, transform.key];
    if (options === undefined || options === false) continue;
    const read = readOptions(reader, transform, options, at);
    if (read) transforms.push({ key: transform.key, options: read, place: reader.place(at) });
  }
  const encoders = transforms.filter((t) => TRANSFORMS.get(t.key)!.stage === "encode");
  if (encoders.length > 1)
    reader.complain(
      path,
      `${encoders.map((t) => t.key).join(" and ")} in one group`,
      "put the columns into two groups",
    );
  return { name, place: reader.place(path), columns, transforms };
}

function readOptions(reader: SpecReader, transform: Transform, value: unknown, path: Path): OptionValues | undefined {
  const short = transform.shorthand;
  const given = value === true || value === null ? {} : short && !isMapping(value) ? { [short]: value } : value;
  const mapping = reader.mapping(given, path, Object.keys(transform.options));
  if (!mapping) return undefined;
  const options: OptionValues = {};
  for (const [key, option] of Object.entries(transform.options)) {
    const set = mapping[key];
    if (set === undefined || set === null) {
      if (option.default !== undefined) options[key] = option.default;
    } else if (option.accepts(set)) options[key] = set as OptionValue;
    else
      reader.complain(
        isMapping(value) ? [...path, key] : path,
        `${show(set)} is not allowed`,
        mendOption(option.takes, set),
      );
  }
  if (transform.key === "impute" && options.strategy === "constant" && options.value === undefined)
    reader.complain(path, "strategy: constant without a value", "add value: …");
  return options;
}

const mendOption = (takes: string, value: unknown): string =>
  typeof value === "string" && takes.includes(", ") ? mendName(value, takes.split(", "), "values") : `write ${takes}`;

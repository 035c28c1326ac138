/** What the registry accepts: MLflow's rules and limits, with its wording. */

import { checkKey, checkLength, invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import { type Pair, STAGES, type Stage } from "./types.ts";

export function checkModelName(name: string): void {
  if (name === "") throw invalid("Registered model name cannot be empty.");
  if (/[/:]/.test(name))
    throw invalid(
      `Invalid model name: '${name}'. Model name cannot contain '/' or ':'. Names may be used in URIs where these have a meaning`,
    );
  if (name === "." || name === "..")
    throw invalid(
      `Invalid model name: '${name}'. Names may be treated as files in certain cases, and must not resolve to other names`,
    );
  // A NUL or a line break in the name of a folder serves nobody.
  if ([...name].some((letter) => letter < " ")) throw invalid(`Invalid model name: ${JSON.stringify(name)}`);
  checkLength("Registered model name", LIMITS.modelNameChars, name);
}

export function checkAlias(alias: string): void {
  if (alias === "") throw invalid("Registered model alias name cannot be empty.");
  if (!/^[\p{L}\p{N}\p{M}\p{Pc}-]+$/u.test(alias))
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`,
    );
  checkLength("Registered model alias name", LIMITS.aliasChars, alias);
  if (alias.toLowerCase() === "latest") throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^v\d+$/i.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`);
}

export function checkRegistryTag(tag: Pair): void {
  checkKey("tag", tag.key);
  checkLength("Registered model tag value", LIMITS.registryTagChars, tag.value);
}

/** The stage in its own spelling, whatever case it was written in. */
export function stageOf(text: string): Stage {
  const stage = STAGES.find((name) => name.toLowerCase() === text.toLowerCase());
  if (!stage) throw invalid(`Invalid Model Version stage: ${text}. Value must be one of ${STAGES.join(", ")}.`);
  return stage;
}

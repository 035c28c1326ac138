/**
 * `$NAME` and `${NAME}` in data and alerts: values from the environment, registered as secrets. `$$` is a dollar sign.
 * Commands are not touched: there the shell does it. Which variables they name is told, so that their values are masked too.
 */

import { keepSecret } from "../base/log.ts";
import type { Complaints } from "./complaints.ts";
import { nearest } from "./nearest.ts";
import { isMapping, type Path, withoutKey, withValueAt } from "./path.ts";

type Env = Record<string, string | undefined>;

/** The document with its variables replaced; a text with a missing one is complained about and left out. */
export function resolveVariables(document: unknown, env: Env, complaints: Complaints): unknown {
  let result = document;
  for (const [path, text] of textsOf(document)) {
    const missing: string[] = [];
    const value = text.replaceAll(
      /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g,
      (_, bare, braced) => {
        const name: string | undefined = bare ?? braced;
        if (name === undefined) return "$";
        const found = Object.hasOwn(env, name) ? env[name] : undefined;
        if (found === undefined || found === "") missing.push(name);
        else keepSecret(found);
        return found ?? "";
      },
    );
    if (missing.length === 0) result = withValueAt(result, path, value);
    else {
      for (const name of missing) complain(name, path, env, complaints);
      result = withoutKey(result, path);
    }
  }
  return result;
}

function complain(name: string, path: Path, env: Env, complaints: Complaints): void {
  const near = nearest(
    name,
    Object.keys(env).filter((key) => env[key] !== undefined && env[key] !== ""),
  );
  const mend =
    near === undefined ? `set ${name} in the environment` : `set ${name} in the environment, or write $${near}`;
  complaints.add({ path, what: `the environment has no ${name}`, mend });
}

/** Texts with a dollar sign where variables are allowed: data.<name>, alerts[n].<kind>. */
function textsOf(document: unknown): [Path, string][] {
  if (!isMapping(document)) return [];
  const places: [Path, unknown][] = Object.entries(isMapping(document.data) ? document.data : {}).map(([k, v]) => [
    ["data", k],
    v,
  ]);
  for (const [i, alert] of (Array.isArray(document.alerts) ? document.alerts : []).entries()) {
    if (isMapping(alert)) for (const [k, v] of Object.entries(alert)) places.push([["alerts", i, k], v]);
  }
  return places.filter((place): place is [Path, string] => typeof place[1] === "string" && place[1].includes("$"));
}

/** Names of variables that the steps take from the environment: those of env, and those that a command names to the shell. */
export function variablesIn(document: unknown): string[] {
  const steps = isMapping(document) && isMapping(document.steps) ? Object.values(document.steps) : [];
  return steps.filter(isMapping).flatMap(({ env, cmd }) => [
    ...[env].flat().filter((name) => typeof name === "string"),
    ...[cmd]
      .flat()
      .filter((command) => typeof command === "string")
      .flatMap((command) => [...command.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map((found) => found[1]!)),
  ]);
}

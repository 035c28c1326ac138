/**
 * `${name}` in a command: the value of a parameter, also `${train.epochs}` inside a mapping. `\${name}` stays `${name}`
 * for the shell, as in DVC; what is not a plain name (`${HOME:-x}`) is the shell's too.
 */

import { isMapping } from "./path.ts";
import type { ParamValue } from "./types.ts";

const REFERENCE = /(\\?)\$\{([A-Za-z_][A-Za-z0-9_.]*)\}/g;

/** The names that a command refers to. */
export const referencesIn = (command: string): string[] =>
  [...command.matchAll(REFERENCE)].filter(([, backslash]) => backslash === "").map(([, , name]) => name!);

/** The params with another value of that name. The name must be there. */
export function withParam(
  params: Record<string, ParamValue>,
  name: string,
  value: ParamValue,
): Record<string, ParamValue> {
  if (Object.hasOwn(params, name)) return { ...params, [name]: value };
  const dot = name.indexOf(".");
  const head = name.slice(0, dot);
  return { ...params, [head]: withParam(params[head] as Record<string, ParamValue>, name.slice(dot + 1), value) };
}

/** The parameter of that name: a key as written, or a way into mappings. */
export function paramNamed(params: Record<string, ParamValue>, name: string): ParamValue | undefined {
  if (Object.hasOwn(params, name)) return params[name];
  const dot = name.indexOf(".");
  const inner = dot < 0 ? undefined : params[name.slice(0, dot)];
  return dot > 0 && Object.hasOwn(params, name.slice(0, dot)) && isMapping(inner)
    ? paramNamed(inner as Record<string, ParamValue>, name.slice(dot + 1))
    : undefined;
}

/** Every operation: the functions that an expression can call, the signs, and what transforms add. One line each to register. */

import { CHOICE_FUNCTIONS } from "./choice.ts";
import type { FeatureFunction, OpDef } from "./define.ts";
import { CODE_IS, LOOKUP } from "./lookup.ts";
import { NUMBER_FUNCTIONS } from "./number.ts";
import { OPERATORS } from "./operators.ts";
import { TEXT_FUNCTIONS } from "./text.ts";
import { TIME_FUNCTIONS } from "./time.ts";

/** Families in the order of the reference page. */
export const FUNCTION_FAMILIES: Record<string, FeatureFunction[]> = {
  Numbers: NUMBER_FUNCTIONS,
  Times: TIME_FUNCTIONS,
  Text: TEXT_FUNCTIONS,
  Choices: CHOICE_FUNCTIONS,
};

export const FUNCTIONS: ReadonlyMap<string, FeatureFunction> = new Map(
  Object.values(FUNCTION_FAMILIES)
    .flat()
    .map((f) => [f.name, f]),
);

const OPS: ReadonlyMap<string, OpDef> = new Map<string, OpDef>([
  ...FUNCTIONS,
  ...Object.entries(OPERATORS),
  ["lookup", LOOKUP],
  ["code_is", CODE_IS],
]);

/** Undefined for an operation of a newer Trimtab, or a damaged file; `column`, `literal` and `window` belong to the engines. */
export const findOp = (fn: string): OpDef | undefined => OPS.get(fn);

/** "clip(x, low, high)". */
export function signatureOf(f: FeatureFunction): string {
  const parts = f.takes.map((p) => `${p.name}${p.rest ? ", …" : ""}`);
  const firstOptional = f.takes.findIndex((p) => p.optional);
  const shown =
    firstOptional < 0
      ? parts.join(", ")
      : `${parts.slice(0, firstOptional).join(", ")}[, ${parts.slice(firstOptional).join(", ")}]`;
  return `${f.name}(${shown})`;
}

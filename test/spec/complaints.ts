import { TrimtabErrors } from "../../src/base/errors.ts";
import { type ParseOptions, parsePipeline } from "../../src/spec/load.ts";

/** The lines that people would see about this text; empty when it is fine. Anything thrown but TrimtabErrors passes through. */
export function complaintsOf(text: string | Uint8Array, options: ParseOptions = {}): string[] {
  try {
    parsePipeline(text, options);
    return [];
  } catch (error) {
    if (error instanceof TrimtabErrors) return error.errors.map((e) => e.oneLine());
    throw error;
  }
}

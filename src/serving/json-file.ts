/** JSON files of a model folder. */

import { fail } from "../base/errors.ts";

/** Parses a JSON file of a model folder. Throws MODEL_INVALID when it is missing or torn. */
export async function readJson(place: string): Promise<unknown> {
  try {
    return JSON.parse(await Bun.file(place).text());
  } catch (error) {
    throw fail("MODEL_INVALID", { what: `the file cannot be read: ${(error as Error).message}`, place, cause: error });
  }
}

/**
 * The engines behind `Db`, for behaviour suites that run over each of them. Importing this starts PostgreSQL; where that is
 * impossible the list is short, and test/postgres.ts has said so.
 */

import { beforeAll, describe, test } from "bun:test";
import { join } from "node:path";
import type { Db } from "../src/db/db.ts";
import { openDb } from "../src/db/open.ts";
import { postgresServer } from "./postgres.ts";
import { tempFolder } from "./temp.ts";

export interface Engine {
  name: string;
  /** The address of a fresh, migrated, empty database, for TRIMTAB_DB and for several openers of one. */
  address(): Promise<string>;
  /** A fresh, migrated, empty database; the caller closes it. */
  open(): Promise<Db>;
}

const engine = (name: string, address: () => Promise<string>): Engine => ({
  name,
  address,
  open: async () => openDb(await address()),
});

const server = await postgresServer();

export const ENGINES: readonly Engine[] = [
  engine("SQLite", async () => join(tempFolder(), "trimtab.db")),
  ...(server ? [engine("PostgreSQL", server.freshUrl)] : []),
];

/**
 * `test` of bun:test once for each engine; `open` gives a fresh database of the engine whose turn it is, and `address` the
 * address of one, also in the file's `beforeEach`. For test files that were written over one engine.
 */
export function overEngines() {
  let current = ENGINES[0]!;
  const over = (name: string, body: () => unknown, timeoutMs = 60_000): void => {
    for (const engine of ENGINES)
      describe(engine.name, () => {
        beforeAll(() => {
          current = engine;
        });
        test(name, async () => void (await body()), timeoutMs);
      });
  };
  return { test: over, open: () => current.open(), address: () => current.address() };
}

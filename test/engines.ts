/** The engines behind `Db`, for behaviour suites that run over each of them. */

import { join } from "node:path";
import type { Db } from "../src/db/db.ts";
import { openDb } from "../src/db/open.ts";
import { tempFolder } from "./temp.ts";

export interface Engine {
  name: string;
  /** A fresh, migrated, empty database; the caller closes it. */
  open(): Promise<Db>;
}

export const ENGINES: readonly Engine[] = [{ name: "SQLite", open: () => openDb(join(tempFolder(), "trimtab.db")) }];

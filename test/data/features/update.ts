/** Rewrites docs/features.md: `bun test/data/features/update.ts`, then read the difference before you commit it. */

import { join } from "node:path";
import { featuresPage } from "../../../src/data/features/reference.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");
export const PAGE = join(ROOT, "docs", "features.md");
export const EXAMPLE = join(ROOT, "src", "data", "features", "features.example.yaml");

if (import.meta.main) await Bun.write(PAGE, featuresPage(await Bun.file(EXAMPLE).text()));

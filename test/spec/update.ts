/**
 * Rewrites what the tests of spec compare with: the golden files and docs/pipeline.md. `bun test/spec/update.ts`, then read
 * the difference before you commit it.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePipeline } from "../../src/spec/load.ts";
import { referencePage } from "../../src/spec/reference.ts";
import { complaintsOf } from "./complaints.ts";

const ROOT = join(import.meta.dir, "..", "..");
const GOLDEN = join(import.meta.dir, "golden");
export const ENV = { SLACK_WEBHOOK_URL: "https://hooks.example.com/services/T000/B000" };
/** A disk with one file. */
export const DISK = {
  exists: (path: string) => path === "features.yaml",
  read: (path: string) => (path === "features.yaml" ? new Uint8Array() : undefined),
};

/** File → what it should hold. */
export function expected(): Record<string, string> {
  const golden = (name: string) => readFileSync(join(GOLDEN, name), "utf8");
  const example = readFileSync(join(ROOT, "src/spec/pipeline.example.yaml"), "utf8");
  return {
    [join(GOLDEN, "design.json")]: `${JSON.stringify(parsePipeline(golden("design.yaml"), { env: ENV }), null, 2)}\n`,
    [join(GOLDEN, "example.json")]: `${JSON.stringify(parsePipeline(example, { env: ENV }), null, 2)}\n`,
    [join(GOLDEN, "wrong.txt")]: `${complaintsOf(golden("wrong.yaml")).join("\n")}\n`,
    [join(GOLDEN, "graph.txt")]: `${complaintsOf(golden("graph.yaml"), { disk: DISK }).join("\n")}\n`,
    [join(ROOT, "docs/pipeline.md")]: referencePage(example),
  };
}

if (import.meta.main) for (const [file, text] of Object.entries(expected())) await Bun.write(file, text);

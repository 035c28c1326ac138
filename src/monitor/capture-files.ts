/** The files that serving processes write for a model, and how far they were read. */

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export interface CaptureFile {
  /** Relative to the model's folder of predictions: "2026-01-31/4711-0.jsonl". */
  path: string;
  sizeBytes: number;
}

export interface CaptureFiles {
  predictions: CaptureFile[];
  outcomes: CaptureFile[];
}

/** Every capture file below `predictions/<model>`, by day and name, with its size now. A folder that is not there is empty. */
export async function listCaptureFiles(folder: string): Promise<CaptureFiles> {
  const found: CaptureFiles = { predictions: [], outcomes: [] };
  for (const day of await entries(folder)) {
    if (!day.isDirectory() || !/^\d{4}-\d{2}-\d{2}$/.test(day.name)) continue;
    for (const file of await entries(join(folder, day.name))) {
      if (!file.isFile() || !file.name.endsWith(".jsonl")) continue;
      const path = join(day.name, file.name);
      // Retention may delete it meanwhile.
      const info = await stat(join(folder, path)).catch(() => undefined);
      const list = file.name.startsWith("outcomes-") ? found.outcomes : found.predictions;
      if (info) list.push({ path, sizeBytes: info.size });
    }
  }
  return found;
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    const all = await readdir(folder, { withFileTypes: true });
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

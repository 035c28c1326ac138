/**
 * Captured predictions are kept by age and by bytes. Whole files go, oldest day first. A file that a process may still
 * write is never taken: of today's, only those that a later file of the same process follows, or whose process is gone.
 */

import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { isoTime } from "../base/clock.ts";

export interface RetentionOptions {
  /** The workspace's predictions/ folder. */
  predictionsDir: string;
  clock: Clock;
  /** Files of days that ended longer ago are removed. */
  ageMs?: number;
  /** What all models together may keep. */
  bytes?: number;
}

export interface Retained {
  removedFiles: number;
  removedBytes: number;
  keptBytes: number;
}

const DAY_MS = 86_400_000;

interface Captured {
  path: string;
  day: string;
  modifiedMs: number;
  sizeBytes: number;
}

/** Removes what is too old, then the oldest until the rest fits. Files of any kind below a day's folder count. */
export async function retainPredictions({ predictionsDir, clock, ageMs, bytes }: RetentionOptions): Promise<Retained> {
  const files = (await capturedFiles(predictionsDir)).sort((a, b) =>
    a.day === b.day ? a.modifiedMs - b.modifiedMs : a.day < b.day ? -1 : 1,
  );
  const now = clock.nowMs();
  const today = isoTime(now).slice(0, 10);
  const firstDay = ageMs === undefined ? "" : isoTime(now - ageMs).slice(0, 10);
  let keptBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const removed = { removedFiles: 0, removedBytes: 0 };
  for (const file of files) {
    const isOld = file.day < firstDay;
    const isOver = bytes !== undefined && keptBytes > bytes;
    if (!(isOld || isOver) || (file.day >= today && mayBeWritten(file, files))) continue;
    await rm(file.path, { force: true });
    keptBytes -= file.sizeBytes;
    removed.removedFiles++;
    removed.removedBytes += file.sizeBytes;
  }
  await removeEmptyDays(predictionsDir, isoTime(now - DAY_MS).slice(0, 10));
  return { ...removed, keptBytes };
}

/** `<prefix><pid>-<n>.jsonl`, as append.ts names them. */
function mayBeWritten(file: Captured, files: readonly Captured[]): boolean {
  const parse = (path: string) => /^(.*?(\d+))-(\d+)\.jsonl$/.exec(path);
  const match = parse(file.path);
  if (!match) return false;
  const [, series, pid, n] = match;
  const isFollowed = files.some((other) => {
    const later = parse(other.path);
    return later?.[1] === series && Number(later?.[3]) > Number(n);
  });
  return !isFollowed && isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const namesIn = async (folder: string): Promise<string[]> => await readdir(folder).catch(() => []);

async function capturedFiles(predictionsDir: string): Promise<Captured[]> {
  const files: Captured[] = [];
  for (const { folder, day } of await dayFolders(predictionsDir))
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      const entry = await stat(path).catch(() => undefined);
      if (entry?.isFile()) files.push({ path, day, modifiedMs: entry.mtimeMs, sizeBytes: entry.size });
    }
  return files;
}

async function dayFolders(predictionsDir: string): Promise<{ folder: string; day: string }[]> {
  const folders: { folder: string; day: string }[] = [];
  for (const model of await namesIn(predictionsDir))
    for (const day of await namesIn(join(predictionsDir, model)))
      if (/^\d{4}-\d{2}-\d{2}$/.test(day)) folders.push({ folder: join(predictionsDir, model, day), day });
  return folders;
}

/** Only days before yesterday: today's folder may just have been made for its first file. */
async function removeEmptyDays(predictionsDir: string, yesterday: string): Promise<void> {
  for (const { folder, day } of await dayFolders(predictionsDir))
    if (day < yesterday) await rmdir(folder).catch(() => undefined);
}

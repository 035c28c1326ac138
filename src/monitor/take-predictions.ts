/**
 * One round of reading predictions: new lines of all files into windows, then one transaction that moves the files' offsets
 * and saves the windows, so that a crash or another process at work never counts a row twice.
 */

import { log } from "../base/log.ts";
import { advanceOffset, captureOffsets, openWindows, saveWindow, windowHeads } from "../db/windows.ts";
import { type AnswerBuffer, answersPath, appendAt } from "./answers.ts";
import type { CaptureFile } from "./capture-files.ts";
import { type CheckContext, sizeLabel, windowSize } from "./context.ts";
import type { PredictionLine } from "./lines.ts";
import { type Moved, readInOrder } from "./merge.ts";
import { createIntake, type VersionIntake } from "./predictions.ts";
import { createStream, type Slot, type Stream } from "./stream.ts";
import { type MonitorWindow, rowOfWindow, windowOfRow } from "./window.ts";

/** Rows that one round takes: bounds its memory and what a crash makes it read again. */
const ROUND_ROWS = 200_000;
/** Beyond this many open windows of a version, those that are over are closed during a round already. */
const OPEN_SOFT_MAX = 8;

interface VersionWork {
  stream: Stream<MonitorWindow>;
  intake: VersionIntake;
}

/** Takes one round; false when nothing was left to take, or another process took it. */
export async function takePredictions(context: CheckContext, files: readonly CaptureFile[]): Promise<boolean> {
  const round = await openRound(context);
  const offsets = await captureOffsets(context.deps.db, context.pipeline.model);
  const moved = await readInOrder(context.captured, files, offsets, ROUND_ROWS, round.take);
  await round.closeOver(moved.length > 0);
  return round.save(moved);
}

interface Round {
  take(line: PredictionLine): Promise<void> | undefined;
  closeOver(maybeMore: boolean): Promise<void>;
  save(moved: readonly Moved[]): Promise<boolean>;
}

async function openRound(context: CheckContext): Promise<Round> {
  const { db, clock } = context.deps;
  const { model } = context.pipeline;
  const size = windowSize(context.pipeline);
  const open = (await openWindows(db, model)).map(windowOfRow);
  const heads = new Map((await windowHeads(db, model, sizeLabel(size))).map((head) => [Number(head.version), head]));
  const works = new Map<number, VersionWork | null>();
  const toSave = new Set<MonitorWindow>();
  let arrivedMs = Number.NEGATIVE_INFINITY;

  const close = (windows: readonly MonitorWindow[]): void => {
    for (const window of windows) {
      Object.assign(window, { state: "closed", closedMs: clock.nowMs() });
      toSave.add(window);
    }
  };

  // What was cut to another size can never fill up.
  const stale = open.filter((window) => window.size !== sizeLabel(size));
  for (const window of stale)
    Object.assign(window, { action: "settings_changed", actionReason: "the window's size was changed" });
  close(stale);

  async function workOf(version: number): Promise<VersionWork | null> {
    const facts = await context.facts(version);
    if (!facts) log.warn("predictions of an unknown version are not watched", { model, version });
    const head = heads.get(version);
    const stream = createStream<MonitorWindow>({
      size,
      byArrival: context.pipeline.monitor.time === undefined,
      open: open.filter((window) => window.version === version && window.state === "open"),
      nextSeq: Number(head?.last_seq ?? 0) + 1,
      closedThrough: head?.closed_through == null ? Number.NEGATIVE_INFINITY : Number(head.closed_through),
      make: (slot) => newWindow(model, version, sizeLabel(size), slot),
    });
    const work = facts ? { stream, intake: createIntake(context.pipeline.monitor, facts, stream) } : null;
    works.set(version, work);
    return work;
  }

  const takeInto = (work: VersionWork | null, line: PredictionLine): void => {
    arrivedMs = Math.max(arrivedMs, line.t);
    work?.intake.take(line);
    if (work && work.stream.open().length > OPEN_SOFT_MAX) close(work.stream.close(line.t));
  };

  return {
    take(line) {
      const work = works.get(line.v);
      if (work === undefined) return workOf(line.v).then((made) => takeInto(made, line));
      takeInto(work, line);
      return undefined;
    },
    async closeOver(maybeMore) {
      // Time closes windows of versions that get no more rows, too.
      for (const { version } of open) if (!works.has(version)) await workOf(version);
      const over = maybeMore ? Math.min(arrivedMs, context.settledMs) : context.settledMs;
      for (const work of works.values()) if (work) close(work.stream.close(over));
    },
    async save(moved) {
      const changed = [...works.values()].flatMap((work) => (work ? [...work.intake.changed()] : []));
      await writeAnswers(context.kept, changed);
      for (const [window] of changed) toSave.add(window);
      if (moved.length + toSave.size === 0) return false;
      return commit(context, moved, toSave);
    },
  };
}

function newWindow(model: string, version: number, size: string, slot: Slot): MonitorWindow {
  return {
    ...slot,
    model,
    version,
    size,
    state: "open",
    idFromMs: null,
    idToMs: null,
    counts: {},
    answersBytes: 0,
    outcomesBytes: 0,
    judgedBytes: 0,
    drift: null,
    performance: null,
    action: null,
    actionReason: null,
    jobId: null,
    closedMs: null,
  };
}

async function writeAnswers(
  kept: string,
  changed: readonly [MonitorWindow, AnswerBuffer | undefined][],
): Promise<void> {
  for (const [window, buffer] of changed) {
    const bytes = buffer?.bytes();
    if (!bytes || bytes.length === 0) continue;
    await appendAt(answersPath(kept, window), window.answersBytes, bytes);
    window.answersBytes += bytes.length;
  }
}

/** All or nothing; false when another process has moved a file's offset meanwhile: then it has counted these rows. */
async function commit(
  { deps, pipeline }: CheckContext,
  moved: readonly Moved[],
  windows: ReadonlySet<MonitorWindow>,
): Promise<boolean> {
  const taken = new Error("another process took these lines");
  try {
    await deps.db.write(async (sql) => {
      for (const { path, fromBytes, toBytes } of moved)
        if (!(await advanceOffset(sql, pipeline.model, path, fromBytes, toBytes))) throw taken;
      for (const window of windows) await saveWindow(sql, rowOfWindow(window));
    }, "logged");
    return moved.length > 0;
  } catch (error) {
    if (error === taken) return false;
    throw error;
  }
}

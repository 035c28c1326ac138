/**
 * One round of reading predictions: new lines of all files into windows, then one transaction that moves the files' offsets
 * and saves the windows, so that a crash or another process at work never counts a row twice.
 */

import { log } from "../base/log.ts";
import { advanceOffset, captureOffsets, openWindows, saveWindow, type WindowHead, windowHeads } from "../db/windows.ts";
import type { WindowSize } from "../spec/types.ts";
import { answersPath, appendAt } from "./answers.ts";
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
  const { db } = context.deps;
  const { model } = context.pipeline;
  const open = (await openWindows(db, model)).map(windowOfRow);
  const heads = await windowHeads(db, model, sizeLabel(windowSize(context.pipeline)));
  const round = new Round(context, open, heads);
  const offsets = await captureOffsets(db, model);
  const moved = await readInOrder(context.captured, files, offsets, ROUND_ROWS, (line) => round.take(line));
  await round.closeOver(moved.length > 0);
  const windows = await round.keepAnswers();
  return moved.length + windows.size > 0 && commit(context, moved, windows);
}

class Round {
  private readonly size: WindowSize;
  private readonly works = new Map<number, VersionWork | null>();
  private readonly toSave = new Set<MonitorWindow>();
  private arrivedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: CheckContext,
    private readonly open: readonly MonitorWindow[],
    private readonly heads: readonly WindowHead[],
  ) {
    this.size = windowSize(context.pipeline);
    // What was cut to another size can never fill up.
    const stale = open.filter((window) => window.size !== sizeLabel(this.size));
    for (const window of stale)
      Object.assign(window, { action: "settings_changed", actionReason: "the window's size was changed" });
    this.close(stale);
  }

  take(line: PredictionLine): Promise<void> | undefined {
    const work = this.works.get(line.v);
    if (work === undefined) return this.begin(line.v).then((begun) => this.takeInto(begun, line));
    this.takeInto(work, line);
    return undefined;
  }

  private takeInto(work: VersionWork | null, line: PredictionLine): void {
    this.arrivedMs = Math.max(this.arrivedMs, line.t);
    work?.intake.take(line);
    if (work && work.stream.open().length > OPEN_SOFT_MAX) this.close(work.stream.close(line.t));
  }

  /** Goes on with the version's open windows; null for a version that cannot be watched. */
  private async begin(version: number): Promise<VersionWork | null> {
    const facts = await this.context.facts(version);
    const { model, monitor } = this.context.pipeline;
    if (!facts) log.warn("predictions of an unknown version are not watched", { model, version });
    const stream = this.streamOf(version);
    const work = facts ? { stream, intake: createIntake(monitor, facts, stream) } : null;
    this.works.set(version, work);
    return work;
  }

  private streamOf(version: number): Stream<MonitorWindow> {
    const { model, monitor } = this.context.pipeline;
    const head = this.heads.find((one) => Number(one.version) === version);
    return createStream<MonitorWindow>({
      size: this.size,
      byArrival: monitor.time === undefined,
      open: this.open.filter((window) => window.version === version && window.state === "open"),
      nextSeq: Number(head?.last_seq ?? 0) + 1,
      closedThrough: head?.closed_through == null ? Number.NEGATIVE_INFINITY : Number(head.closed_through),
      make: (slot) => newWindow(model, version, sizeLabel(this.size), slot),
    });
  }

  private close(windows: readonly MonitorWindow[]): void {
    for (const window of windows) {
      Object.assign(window, { state: "closed", closedMs: this.context.deps.clock.nowMs() });
      this.toSave.add(window);
    }
  }

  /** Closes what is over, also of versions that get no more rows. With more lines to come, time is that of the last line. */
  async closeOver(maybeMore: boolean): Promise<void> {
    for (const { version } of this.open) if (!this.works.has(version)) await this.begin(version);
    const { settledMs } = this.context;
    for (const work of this.works.values())
      if (work) this.close(work.stream.close(maybeMore ? Math.min(this.arrivedMs, settledMs) : settledMs));
    if (!maybeMore) this.endReplaced();
  }

  /** With all lines read, a version that serves no more gets no rows: what the serving ones have gone past is over. */
  private endReplaced(): void {
    const serves = (version: number) => this.context.versions.get(version)?.serving === true;
    const works = [...this.works].flatMap(([version, work]) => (work ? [{ version, work }] : []));
    const reachedMs = works
      .filter(({ version }) => serves(version))
      .flatMap(({ work }) => work.stream.open().map((window) => this.reached(window)));
    const furthestMs = Math.max(...reachedMs, Number.NEGATIVE_INFINITY);
    for (const { version, work } of works) if (!serves(version)) this.close(work.stream.end(furthestMs));
  }

  /** How far in time a window's rows have come at least: a slice of time has begun. */
  private reached({ fromMs, toMs }: MonitorWindow): number {
    return "rows" in this.size ? toMs : fromMs;
  }

  /** Appends the answers of the windows that grew; all windows to save. */
  async keepAnswers(): Promise<ReadonlySet<MonitorWindow>> {
    const grown = [...this.works.values()].flatMap((work) => (work ? [...work.intake.changed()] : []));
    for (const [window, buffer] of grown) {
      this.toSave.add(window);
      const bytes = buffer?.bytes() ?? new Uint8Array();
      if (bytes.length === 0) continue;
      await appendAt(answersPath(this.context.kept, window), window.answersBytes, bytes);
      window.answersBytes += bytes.length;
    }
    return this.toSave;
  }
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

/** One round of reading outcomes: each goes to the file of the window that holds its prediction. */

import { log } from "../base/log.ts";
import {
  type AnswerRange,
  addOutcomeBytes,
  advanceOffset,
  answerRanges,
  captureOffsets,
  windowRow,
} from "../db/windows.ts";
import { Answers, answersPath, appendAt, type Outcome, outcomeBytes, outcomesPath, readStart } from "./answers.ts";
import type { CaptureFile } from "./capture-files.ts";
import type { CheckContext } from "./context.ts";
import { probabilitiesOf, type ReadValue, valueReader } from "./labels.ts";
import type { Moved } from "./merge.ts";
import { createMatcher, readOutcomes } from "./outcomes.ts";

const ROUND_ROWS = 500_000;
/** Answers held in memory at a time; about 60 bytes each. */
const LOADED_ROWS_MAX = 2_000_000;

/** Takes one round; false when nothing was left to take, or another process took it. */
export async function takeOutcomes(context: CheckContext, files: readonly CaptureFile[]): Promise<boolean> {
  const { db } = context.deps;
  const { model } = context.pipeline;
  const offsets = await captureOffsets(db, model);
  if (!files.some(({ path, sizeBytes }) => sizeBytes > (offsets.get(path) ?? 0))) return false;
  const matcher = createMatcher({ ranges: await answerRanges(db, model), load: createLoader(context) });
  const limits = { untilMs: context.settledMs, rowsMax: ROUND_ROWS };
  const moved = await readOutcomes(context.captured, files, offsets, limits, matcher.take);
  if (matcher.lost() > 0) log.debug("outcomes without a known prediction", { model, rows: matcher.lost() });
  return moved.length > 0 && save(context, matcher.found, moved);
}

interface Loaded {
  answers: Answers;
  readTruth: ReadValue;
}

/** Loads answers of windows and keeps the latest used. */
function createLoader(context: CheckContext): (range: AnswerRange) => Promise<Loaded | undefined> {
  const loaded = new Map<AnswerRange, Loaded>();
  let rows = 0;
  const drop = (range: AnswerRange): void => {
    rows -= loaded.get(range)?.answers.count ?? 0;
    loaded.delete(range);
  };
  return async (range) => {
    const known = loaded.get(range);
    if (known) return known;
    const fresh = await loadAnswers(context, range);
    if (!fresh) return undefined;
    loaded.set(range, fresh);
    rows += fresh.answers.count;
    // A map goes through its keys in the order in which they came: outcomes come in about the order of their windows.
    for (const oldest of loaded.keys()) {
      if (rows <= LOADED_ROWS_MAX || oldest === range) break;
      drop(oldest);
    }
    return fresh;
  };
}

/** The answers that a window keeps, and how its outcomes are read; undefined when its version is gone. */
export async function loadAnswers(
  context: CheckContext,
  key: Pick<AnswerRange, "version" | "seq">,
): Promise<Loaded | undefined> {
  const { model } = context.pipeline;
  const facts = await context.facts(Number(key.version));
  const row = await windowRow(context.deps.db, model, key.version, key.seq);
  if (!facts || !row) return undefined;
  const bytes = await readStart(answersPath(context.kept, key), Number(row.answers_bytes));
  return { answers: new Answers(bytes, probabilitiesOf(facts.flavor)), readTruth: valueReader(facts.flavor) };
}

async function save(
  { deps, pipeline, kept }: CheckContext,
  found: ReadonlyMap<AnswerRange, Outcome[]>,
  moved: readonly Moved[],
): Promise<boolean> {
  const { model } = pipeline;
  const grown: { range: AnswerRange; fromBytes: number; toBytes: number }[] = [];
  for (const [range, outcomes] of found) {
    const key = { model, version: Number(range.version), seq: Number(range.seq) };
    const fromBytes = Number((await windowRow(deps.db, model, key.version, key.seq))?.outcomes_bytes ?? 0);
    const bytes = outcomeBytes(outcomes);
    await appendAt(outcomesPath(kept, key), fromBytes, bytes);
    grown.push({ range, fromBytes, toBytes: fromBytes + bytes.length });
  }
  return deps.db.write(async (sql) => {
    // The offsets come first: when another process moved one, it has matched these lines, and nothing changes here.
    for (const { path, fromBytes, toBytes } of moved)
      if (!(await advanceOffset(sql, model, path, fromBytes, toBytes))) return false;
    for (const { range, fromBytes, toBytes } of grown)
      await addOutcomeBytes(sql, model, range.version, range.seq, fromBytes, toBytes);
    return true;
  }, "logged");
}

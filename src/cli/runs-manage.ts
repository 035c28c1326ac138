/** `runs search|delete|restore|move|purge`: finding runs and putting them where they belong. */

import { fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Life } from "../life/context.ts";
import type { Command, Input } from "./command.ts";
import { numberOf, text, texts } from "./command.ts";
import type { Io } from "./io.ts";
import { table, when } from "./io.ts";

const withLifeOf = async <T>(io: Io, work: (life: Life) => Promise<T>): Promise<T> => {
  const { withLife } = await import("../life/context.ts");
  return withLife({ root: io.cwd, env: io.env }, work);
};

/** A run's status; red when it failed. */
export const statusOf = (io: Io, status: string): string =>
  status === "FAILED" || status === "KILLED" ? io.paint.red(status) : status;

/** The project that --project names, for searches. */
export function projectIn(input: Input): { project?: string } {
  const named = text(input.options.project);
  return named === undefined ? {} : { project: named === "none" ? "" : named };
}

/** Ids of the runs that were named; those that are deleted only by their whole id. */
async function idsOf(life: Life, named: readonly string[]): Promise<string[]> {
  const { runView } = await import("../life/views.ts");
  const ids: string[] = [];
  for (const name of named) ids.push((await runView(life, name)).id);
  return ids;
}

const CELL = 20;

const search: Command = {
  name: "runs search",
  about: "Runs that meet a filter in MLflow's language",
  args: [{ name: "filter", about: "as metrics.f1 > 0.8 AND params.depth = '3'; none: all runs" }],
  options: [
    { name: "experiment", value: "name", about: "only there; default: everywhere", many: true },
    { name: "project", value: "name", about: "only in this project's experiments; none: in those without one" },
    { name: "order", value: "key", about: 'as "metrics.f1 DESC"; default: newest first', many: true },
    { name: "deleted", about: "the deleted ones instead" },
    { name: "limit", short: "n", value: "n", about: "how many", default: "20" },
  ],
  examples: [`trimtab runs search "metrics.f1 > 0.8" --order "metrics.f1 DESC"`],
  action: async (io, input) => {
    const limit = numberOf(text(input.options.limit), "--limit", { min: 1, max: LIMITS.searchRuns }) ?? 20;
    const { findRuns } = await import("../life/find-runs.ts");
    const query = {
      filter: text(input.args.filter) ?? "",
      experiments: texts(input.options.experiment),
      order: texts(input.options.order),
      deleted: input.options.deleted === true,
      limit,
      ...projectIn(input),
    };
    const runs = await withLifeOf(io, (life) => findRuns(life, query));
    io.data({ runs }, () =>
      table(io, runs, [
        { title: "run", value: (r) => r.runId.slice(0, 8) },
        { title: "name", value: (r) => r.name },
        { title: "status", value: (r) => statusOf(io, r.status) },
        { title: "started", value: (r) => when(r.startMs), whole: true },
        { title: "params", value: (r) => some(r.params.map((p) => [p.key, p.value])) },
        { title: "metrics", value: (r) => some(r.metrics.map((m) => [m.key, String(Number(m.value.toPrecision(4)))])) },
      ]),
    );
    return 0;
  },
};

/** The first few; names and values are cut each by itself, so that none hides another. */
const some = (pairs: readonly (readonly [string, string])[]): string =>
  pairs
    .slice(0, 3)
    .map((pair) => pair.map((part) => (part.length > CELL ? `${part.slice(0, CELL - 1)}…` : part)).join(" "))
    .join(", ");

const remove: Command = {
  name: "runs delete",
  about: "Delete runs, softly: runs restore brings them back, runs purge takes them away for good",
  args: [{ name: "run", about: "ids, the beginnings of them, or names", required: true, many: true }],
  action: async (io, input) => {
    const deleted = await withLifeOf(io, async (life) => {
      const ids = await idsOf(life, texts(input.args.run));
      for (const id of ids) await life.tracking.deleteRun(id, { actor: life.actor });
      return ids;
    });
    io.data({ deleted }, () => deleted.map((id) => `${id} deleted`).join("\n"));
    return 0;
  },
};

const restore: Command = {
  name: "runs restore",
  about: "Bring deleted runs back",
  args: [{ name: "run", about: "whole ids, as runs search --deleted --json shows them", required: true, many: true }],
  action: async (io, input) => {
    const restored = texts(input.args.run);
    await withLifeOf(io, async (life) => {
      for (const id of restored) await life.tracking.restoreRun(id, { actor: life.actor });
    });
    io.data({ restored }, () => restored.map((id) => `${id} restored`).join("\n"));
    return 0;
  },
};

const move: Command = {
  name: "runs move",
  about: "Put runs into another experiment; their artifacts stay where they are",
  args: [{ name: "run", about: "ids, the beginnings of them, or names", required: true, many: true }],
  options: [{ name: "to", value: "experiment", about: "name or id" }],
  action: async (io, input) => {
    const to = text(input.options.to);
    if (to === undefined) throw fail("USAGE", { what: "--to is missing", place: "runs move" });
    const { experimentOf } = await import("../life/find-runs.ts");
    const moved = await withLifeOf(io, async (life) => {
      const ids = await idsOf(life, texts(input.args.run));
      await life.tracking.moveRuns(ids, await experimentOf(life.tracking, to), { actor: life.actor });
      return ids;
    });
    io.data({ moved, to }, () => moved.map((id) => `${id} is in ${to} now`).join("\n"));
    return 0;
  },
};

const purge: Command = {
  name: "runs purge",
  about: "Take runs away for good that were deleted some time ago, with their files",
  details:
    "Runs that a living model version was made of stay. The server does the same by itself with `retention: { runs: 180d }` in pipeline.yaml, for that pipeline's runs, and with TRIMTAB_PURGE_DELETED=30d, for all that was deleted",
  options: [
    { name: "older", value: "duration", about: "deleted at least so long ago", default: "30d" },
    { name: "dry-run", about: "only say what would go" },
  ],
  action: async (io, input) => {
    const { parseDurationMs } = await import("../base/units.ts");
    const older = text(input.options.older) ?? "30d";
    const olderMs = parseDurationMs(older);
    if (olderMs === undefined) throw fail("USAGE", { what: `"${older}" is not a duration`, place: "--older" });
    if (input.options["dry-run"] === true) {
      const runs = await withLifeOf(io, (life) =>
        life.tracking.purgeable({ deletedBeforeMs: life.clock.nowMs() - olderMs }),
      );
      io.data({ runs }, () =>
        table(io, runs, [
          { title: "run", value: (r) => r.runId },
          { title: "name", value: (r) => r.name },
        ]),
      );
      return 0;
    }
    const purged = await withLifeOf(io, (life) =>
      life.tracking.purge({ deletedBeforeMs: life.clock.nowMs() - olderMs }, { actor: life.actor }),
    );
    io.data(
      purged,
      () => `${purged.runs} runs, ${purged.loggedModels} logged models, ${purged.experiments.length} experiments`,
    );
    return 0;
  },
};

export const runsManagement: readonly Command[] = [search, remove, restore, move, purge];

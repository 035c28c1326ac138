/** `data …`: data kept by content beside Git, in DVC's own files. */

import { relative } from "node:path";
import { showBytes } from "../base/units.ts";
import type { Life } from "../life/context.ts";
import { type Command, type CommandGroup, type Input, text, texts } from "./command.ts";
import { type Io, table } from "./io.ts";

const PATHS = { name: "paths", about: "data or its .dvc file; default: all of it", many: true };
const FORCE = { name: "force", about: "overwrite changes that are stored nowhere" };
const REMOTE = {
  name: "remote",
  short: "r",
  value: "remote",
  about: "a folder, or the name of a remote in .dvc/config; default: the default remote",
};

const withTracked = async <T>(
  io: Io,
  work: (tracked: typeof import("../life/tracked.ts"), life: Life) => Promise<T>,
): Promise<T> => {
  const { withLife } = await import("../life/context.ts");
  const tracked = await import("../life/tracked.ts");
  return withLife({ root: io.cwd, env: io.env }, (life) => work(tracked, life));
};
const named = (input: Input): string[] => texts(input.args.paths);
const remoteOf = (input: Input) => {
  const remote = text(input.options.remote);
  return remote === undefined ? {} : { remote };
};

const add: Command = {
  name: "data add",
  about: "Keep a file or folder by content: its pointer goes into Git, the data does not",
  details: "Writes <path>.dvc and a line in .gitignore, as DVC does; where there is a .dvc folder its cache is used.",
  args: [{ name: "paths", about: "files or folders", required: true, many: true }],
  examples: ["trimtab data add data/flights.parquet"],
  action: async (io, input) => {
    io.progress("storing…");
    const added = await withTracked(io, (tracked, life) => tracked.addData(life, named(input)));
    io.progressDone();
    io.data({ added }, () =>
      added.map((a) => `${io.paint.green("✓")} ${a.path}.dvc  ${showBytes(a.sizeBytes)}`).join("\n"),
    );
    return 0;
  },
};

const status: Command = {
  name: "data status",
  about: "How the data stands against its pointers",
  args: [PATHS],
  action: async (io, input) => {
    const states = await withTracked(io, (tracked, life) => tracked.dataStates(life, named(input)));
    io.data({ states }, () =>
      table(
        io,
        states,
        [
          { title: "data", value: (s) => s.path },
          { title: "state", value: (s) => (s.state === "unchanged" ? s.state : io.paint.yellow(s.state)) },
          { title: "in the cache", value: (s) => (s.cached ? "yes" : io.paint.yellow("no")) },
        ],
        "nothing is kept by content here",
      ),
    );
    return 0;
  },
};

const checkout: Command = {
  name: "data checkout",
  about: "Put back what the pointers say, from the cache",
  args: [PATHS],
  options: [FORCE],
  action: async (io, input) => {
    const changed = await withTracked(io, (tracked, life) =>
      tracked.checkoutData(life, named(input), input.options.force === true),
    );
    const pointers = changed.map((pointer) => relative(io.cwd, pointer));
    io.data({ changed: pointers }, () => (pointers.length === 0 ? "nothing to put back" : pointers.join("\n")));
    return 0;
  },
};

const pull: Command = {
  name: "data pull",
  about: "Fetch what the pointers say from a remote, and put it back",
  args: [PATHS],
  options: [REMOTE, FORCE],
  action: async (io, input) => {
    io.progress("pulling…");
    const transfer = await withTracked(io, (tracked, life) =>
      tracked.pullData(life, named(input), { ...remoteOf(input), force: input.options.force === true }),
    );
    io.progressDone();
    io.data(transfer, () => `${transfer.objects} objects, ${showBytes(transfer.sizeBytes)}`);
    return 0;
  },
};

const push: Command = {
  name: "data push",
  about: "Store what the pointers say in a remote",
  args: [PATHS],
  options: [REMOTE],
  action: async (io, input) => {
    io.progress("pushing…");
    const transfer = await withTracked(io, (tracked, life) => tracked.pushData(life, named(input), remoteOf(input)));
    io.progressDone();
    io.data(transfer, () => `${transfer.objects} objects, ${showBytes(transfer.sizeBytes)}`);
    return 0;
  },
};

const gc: Command = {
  name: "data gc",
  about: "Delete objects of .trimtab/cache that no pointer here and no step's record names",
  details: "Pointers of other branches do not count: push their data first. DVC's own cache is left to dvc gc.",
  options: [{ name: "dry-run", about: "only say what would go" }],
  action: async (io, input) => {
    const dryRun = input.options["dry-run"] === true;
    const garbage = await withTracked(io, (tracked, life) => tracked.collectData(life, dryRun));
    io.data({ ...garbage, dryRun }, () => {
      const verb = dryRun ? "would go" : "gone";
      return `${garbage.removed} objects ${verb} (${showBytes(garbage.sizeBytes)}), ${garbage.kept} kept`;
    });
    return 0;
  },
};

export const trackedGroup: CommandGroup = {
  title: "Data kept by content",
  commands: [add, status, checkout, pull, push, gc],
};

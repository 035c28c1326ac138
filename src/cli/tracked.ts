/** `data …`: files and folders kept by content beside Git, in DVC's own pointer files and cache layout. */

import { resolve } from "node:path";
import type { TrackedPorts } from "../data/dvc/tracked.ts";
import type { Command, CommandGroup, Input } from "./command.ts";
import { text, texts } from "./command.ts";
import type { Io } from "./io.ts";
import { table } from "./io.ts";

const add: Command = {
  name: "data add",
  about: "Keep a file or folder by content: copies it into the cache and writes <path>.dvc for Git",
  args: [{ name: "path", about: "files or folders", required: true, many: true }],
  examples: ["trimtab data add data/flights && git add data/flights.dvc data/.gitignore"],
  action: async (io, input) => {
    const { addTracked } = await import("../data/dvc/tracked.ts");
    const added = await withPorts(io, async (ports) => {
      const all = [];
      for (const path of texts(input.args.path)) {
        io.progress(`adding ${path}…`);
        const { md5, sizeBytes } = await addTracked(ports, resolve(io.cwd, path));
        all.push({ path, md5, sizeBytes });
      }
      return all;
    });
    io.progressDone();
    io.data({ added }, () => added.map(({ path, md5 }) => `${path}.dvc  ${io.paint.dim(md5)}`).join("\n"));
    return 0;
  },
};

const status: Command = {
  name: "data status",
  about: "Which kept files and folders differ from their .dvc file, or are missing",
  action: async (io) => {
    const { findPointers, trackedStates } = await import("../data/dvc/tracked.ts");
    const states = await withPorts(io, (ports) => trackedStates(ports, findPointers(io.cwd)));
    io.data({ states }, () =>
      table(
        io,
        states,
        [
          { title: "data", value: (s) => s.path },
          { title: "", value: (s) => (s.state === "unchanged" ? s.state : io.paint.yellow(s.state)) },
          { title: "in cache", value: (s) => (s.cached ? "yes" : io.paint.red("no")) },
        ],
        "nothing is kept by content here",
      ),
    );
    return 0;
  },
};

const checkout: Command = {
  name: "data checkout",
  about: "Put back what the .dvc files say, from the cache",
  args: [{ name: "pointer", about: ".dvc files; default: all", many: true }],
  options: [{ name: "force", about: "overwrite what is in no cache" }],
  action: async (io, input) => {
    const { checkoutTracked } = await import("../data/dvc/tracked.ts");
    const changed = await withPorts(io, async (ports) => {
      const all = [];
      for (const pointer of await pointersOf(io, input))
        if (await checkoutTracked(ports, pointer, input.options.force === true)) all.push(pointer);
      return all;
    });
    io.data({ changed }, () => changed.join("\n") || io.paint.dim("nothing to put back"));
    return 0;
  },
};

const pull: Command = {
  name: "data pull",
  about: "Fetch what the .dvc files name from a folder in DVC's layout, and put it back",
  args: [
    { name: "remote", about: "the folder (a mounted share, another clone's cache)", required: true },
    { name: "pointer", about: ".dvc files; default: all", many: true },
  ],
  options: [{ name: "force", about: "overwrite what is in no cache" }],
  action: async (io, input) => {
    const { pullTracked } = await import("../data/dvc/tracked.ts");
    const { showBytes } = await import("../base/units.ts");
    const pointers = await pointersOf(io, input);
    const remote = resolve(io.cwd, text(input.args.remote)!);
    io.progress("pulling…");
    const transfer = await withPorts(io, (ports) => pullTracked(ports, pointers, remote, input.options.force === true));
    io.progressDone();
    io.data(transfer, () => `${transfer.objects} objects came, ${showBytes(transfer.sizeBytes)}`);
    return 0;
  },
};

const gc: Command = {
  name: "data gc",
  about: "Remove cached objects that no .dvc file and no step's record names",
  options: [{ name: "dry-run", about: "only say what would go" }],
  action: async (io, input) => {
    const { collectTracked } = await import("../data/dvc/tracked.ts");
    const { recordedDigests } = await import("../db/steps.ts");
    const { withLife } = await import("../life/context.ts");
    const { showBytes } = await import("../base/units.ts");
    const dryRun = input.options["dry-run"] === true;
    const garbage = await withLife({ root: io.cwd, env: io.env }, async (life) =>
      collectTracked(life.cache, io.cwd, { alsoKeep: await recordedDigests(life.db), dryRun }),
    );
    io.data(garbage, () => {
      const verb = dryRun ? "would remove" : "removed";
      return `${verb} ${garbage.removed} objects, ${showBytes(garbage.sizeBytes)}; kept ${garbage.kept}`;
    });
    return 0;
  },
};

async function pointersOf(io: Io, input: Input): Promise<string[]> {
  const { findPointers } = await import("../data/dvc/tracked.ts");
  const named = texts(input.args.pointer).map((pointer) => resolve(io.cwd, pointer));
  return named.length > 0 ? named : findPointers(io.cwd);
}

async function withPorts<T>(io: Io, work: (ports: TrackedPorts) => Promise<T>): Promise<T> {
  const { withLife } = await import("../life/context.ts");
  return withLife({ root: io.cwd, env: io.env }, (life) => work({ cache: life.cache, stats: life.stats }));
}

export const trackedGroup: CommandGroup = { title: "Data by content", commands: [add, status, checkout, pull, gc] };

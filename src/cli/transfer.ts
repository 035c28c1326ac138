/** `import` and `export`: moving in from an MLflow store, and out again. */

import { fail } from "../base/errors.ts";
import type { TransferCounts } from "../life/transfer/import-context.ts";
import type { Command, CommandGroup } from "./command.ts";
import { text } from "./command.ts";
import type { Io } from "./io.ts";

const isUrl = (address: string): boolean => /^https?:\/\//.test(address);

const said = (counts: Readonly<TransferCounts>): string =>
  [
    `${counts.experiments} experiments`,
    `${counts.runs} runs${counts.unchanged > 0 ? ` (${counts.unchanged} as before)` : ""}`,
    `${counts.metrics} points`,
    ...(counts.traces > 0 ? [`${counts.traces} traces`] : []),
    `${counts.files} files`,
    `${counts.models} models with ${counts.versions} versions`,
  ].join(", ");

/** Shows the counts as they grow, at most a few times a second. */
function watcher(io: Io): (counts: Readonly<TransferCounts>) => void {
  let shownMs = 0;
  return (counts) => {
    if (Date.now() - shownMs < 300) return;
    shownMs = Date.now();
    io.progress(`${said(counts)}…`);
  };
}

async function report(io: Io, counts: TransferCounts): Promise<number> {
  const { showBytes } = await import("../base/units.ts");
  io.progressDone();
  const left = counts.left.map((line) => `  left: ${line}`);
  io.data(counts, () => [`${said(counts)}, ${showBytes(counts.bytes)}`, ...left].join("\n"));
  return 0;
}

/** The only kind of store there is; the word leaves room for others. */
function checkKind(kind: string | undefined): void {
  if (kind !== "mlflow")
    throw fail("USAGE", { what: `"${kind}" cannot be moved from or to`, place: "kind", mend: "mlflow" });
}

const bringIn: Command = {
  name: "import",
  about:
    "Bring experiments, runs, metrics, traces, artifacts and models over from an MLflow server, its SQLite file or its folder mlruns",
  details:
    "May be stopped and begun again: what is here and unchanged is passed over. Runs keep their ids, versions their numbers. A server is asked with MLFLOW_TRACKING_USERNAME and _PASSWORD or MLFLOW_TRACKING_TOKEN, as MLflow's client does",
  args: [
    { name: "kind", about: "mlflow", required: true },
    {
      name: "from",
      about: "http(s) URL of a server, the path of its SQLite file, or its folder mlruns",
      required: true,
    },
  ],
  options: [
    {
      name: "artifacts",
      value: "folder",
      about: "where the server kept its artifacts, for a file; default: mlartifacts beside it",
    },
  ],
  examples: [
    "trimtab import mlflow http://mlflow.internal:5000",
    "trimtab import mlflow ../old/mlflow.db",
    "trimtab import mlflow ./mlruns",
  ],
  action: async (io, input) => {
    checkKind(text(input.args.kind));
    const { resolve } = await import("node:path");
    const { withLife } = await import("../life/context.ts");
    const { importMlflow } = await import("../life/transfer/import.ts");
    const { noteTransfer } = await import("../life/transfer/journal.ts");
    const from = text(input.args.from)!;
    const artifacts = text(input.options.artifacts);
    const open = async () => {
      if (isUrl(from)) {
        const { createRest } = await import("../life/transfer/rest.ts");
        const { serverSource } = await import("../life/transfer/server-source.ts");
        return serverSource(createRest(from, io.env));
      }
      const path = resolve(io.cwd, from);
      const { statSync } = await import("node:fs");
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
        const { folderSource } = await import("../life/transfer/folder-source.ts");
        return folderSource(path);
      }
      const { fileSource } = await import("../life/transfer/file-source.ts");
      return fileSource(path, artifacts === undefined ? undefined : resolve(io.cwd, artifacts));
    };
    const source = await open();
    try {
      return await report(
        io,
        await withLife({ root: io.cwd, env: io.env }, async (life) => {
          const counts = await importMlflow(source, life, watcher(io));
          await noteTransfer(life, "import.done", source.name, counts);
          return counts;
        }),
      );
    } finally {
      source.close();
    }
  },
};

const bringOut: Command = {
  name: "export",
  about: "Write experiments, runs, metrics, traces, artifacts and models to an MLflow server",
  details:
    "That server gives ids and numbers of its own; the tag trimtab.exported_from says which run or version it was, so that a second export brings what has changed since, also names, descriptions and aliases, and deletes what was deleted here. What others have added there stays",
  args: [
    { name: "kind", about: "mlflow", required: true },
    { name: "to", about: "http(s) URL of the server", required: true },
  ],
  examples: ["trimtab export mlflow https://mlflow.example.org"],
  action: async (io, input) => {
    checkKind(text(input.args.kind));
    const to = text(input.args.to)!;
    if (!isUrl(to)) throw fail("USAGE", { what: `"${to}" is not an http or https URL`, place: "to" });
    const { withLife } = await import("../life/context.ts");
    const { exportMlflow } = await import("../life/transfer/export.ts");
    const { noteTransfer } = await import("../life/transfer/journal.ts");
    const { createRest } = await import("../life/transfer/rest.ts");
    const rest = createRest(to, io.env);
    const counts = await withLife({ root: io.cwd, env: io.env }, async (life) => {
      const written = await exportMlflow(life, rest, watcher(io));
      await noteTransfer(life, "export.done", rest.url, written);
      return written;
    });
    return report(io, counts);
  },
};

export const transferGroup: CommandGroup = { title: "Moving in and out", commands: [bringIn, bringOut] };

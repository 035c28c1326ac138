/** `models …`, `gate`, `deploy`, `rollback`: versions and which of them serves. */

import type { Command, CommandGroup, Input } from "./command.ts";
import { numberOf, text } from "./command.ts";
import type { Io } from "./io.ts";
import { table, when } from "./io.ts";

const FILE_OPTION = { name: "file", short: "f", value: "path", about: "pipeline file", default: "pipeline.yaml" };

const list: Command = {
  name: "models list",
  about: "Registered models",
  action: async (io) => {
    const { withLife } = await import("../life/context.ts");
    const { modelViews } = await import("../life/views.ts");
    const models = await withLife({ root: io.cwd, env: io.env }, modelViews);
    io.data({ models }, () =>
      table(io, models, [
        { title: "model", value: (m) => m.name },
        { title: "newest", value: (m) => m.latest.map((v) => v.version).sort((a, b) => b - a)[0], right: true },
        { title: "changed", value: (m) => when(m.updatedMs), whole: true },
        { title: "aliases", value: (m) => m.aliases.map(({ alias, version }) => `${alias} → ${version}`).join(", ") },
      ]),
    );
    return 0;
  },
};

const show: Command = {
  name: "models show",
  about: "A model's versions with metrics, verdicts and traffic",
  args: [{ name: "model", about: "its name; default: the pipeline's" }],
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { ownVersionViews, versionViews } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const { name, root } = await modelOf(io, input);
    const view = input.args.model === undefined ? ownVersionViews : versionViews;
    const versions = await withLife({ root, env: io.env }, (life) => view(life, name));
    io.data({ versions }, () => {
      const metrics = [...new Set(versions.flatMap((v) => v.verdict?.rules.map((rule) => rule.metric) ?? []))].slice(
        0,
        5,
      );
      return table(io, versions, [
        { title: "version", value: (v) => v.version, right: true },
        { title: "made", value: (v) => when(v.created), whole: true },
        {
          title: "gate",
          value: (v) =>
            v.gate === "refused" ? io.paint.red(v.gate) : v.gate === "passed" ? io.paint.green(v.gate) : v.gate,
        },
        {
          title: "traffic",
          value: (v) => (v.trafficPercent > 0 ? io.paint.bold(`${v.trafficPercent}%`) : ""),
          right: true,
        },
        { title: "aliases", value: (v) => v.aliases.join(", ") },
        ...metrics.map((metric) => ({
          title: metric,
          value: (v: (typeof versions)[number]) =>
            v.metrics[metric] === undefined ? "" : Number(v.metrics[metric].toPrecision(4)),
          right: true,
        })),
        { title: "run", value: (v) => v.runId?.slice(0, 8) },
      ]);
    });
    return 0;
  },
};

const lineage: Command = {
  name: "models lineage",
  about: "What a version was made from: run, Git commit, data, parameters",
  args: [{ name: "version", about: "its number", required: true }],
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { lineageOf } = await import("../life/views.ts");
    const { withLife } = await import("../life/context.ts");
    const { name, root } = await modelOf(io, input);
    const found = await withLife({ root, env: io.env }, (life) => lineageOf(life, name, versionOf(input)));
    const { version, run, verdicts } = found;
    io.data(found, () =>
      [
        io.paint.bold(`${version.name} ${version.version}`),
        `run    ${run ? `${run.runId} (${run.trigger ?? "unknown"}, ${new Date(run.startMs).toISOString()})` : "unknown"}`,
        `code   ${run?.git ? run.git.commit + (run.git.dirty ? " with uncommitted changes" : "") : "not in Git"}`,
        ...(run?.datasets ?? []).map((dataset) => `data   ${dataset.name} ${dataset.digest}`),
        ...Object.entries(run?.params ?? {}).map(([name, value]) => `param  ${name} = ${value}`),
        ...Object.entries(run?.environment ?? {}).map(([name, value]) => `with   ${name} ${value}`),
        ...verdicts.map(({ verdict }) => `gate   ${verdict.pass ? "passed" : "refused"}: ${verdict.reason}`),
      ].join("\n"),
    );
    return 0;
  },
};

const promote: Command = {
  name: "models promote",
  about: "Move an alias to a version; `champion` moves with deployments only",
  args: [
    { name: "version", about: "its number", required: true },
    { name: "alias", about: "the alias", required: true },
  ],
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { moveAlias } = await import("../life/deploy.ts");
    const { withLife } = await import("../life/context.ts");
    const { name, root } = await modelOf(io, input);
    const moved = { model: name, version: versionOf(input), alias: text(input.args.alias)! };
    await withLife({ root, env: io.env }, (life) => moveAlias(life, moved));
    io.data(moved, () => `${moved.alias} → ${name} ${moved.version}`);
    return 0;
  },
};

const gate: Command = {
  name: "gate",
  about: "The gate's verdict on a version: every rule, both figures, the margin",
  details:
    "A version that has not met the gate, as one that an MLflow client registered, is measured now: on the pipeline's holdout, beside the champion, by the runtime that would serve it. Exit code 3 when the gate said no.",
  args: [{ name: "version", about: "its number; default: the newest" }],
  options: [
    FILE_OPTION,
    { name: "again", about: "measure also one that was judged before" },
    { name: "deploy", about: "deploy what passes, as after a run" },
    { name: "wait", value: "duration", about: "wait this long for a run that is under way" },
    { name: "trigger", value: "name", about: "why it is judged, for the record", default: "manual" },
    { name: "reason", value: "text", about: "one sentence for the journal", default: "by hand" },
  ],
  action: async (io, input) => {
    const { gateCommand } = await import("./gate-action.ts");
    return gateCommand(io, input, text(input.args.version) === undefined ? undefined : versionOf(input));
  },
};

const deploy: Command = {
  name: "deploy",
  about: "Serve a version that met the gate",
  args: [{ name: "version", about: "its number", required: true }],
  options: [
    FILE_OPTION,
    { name: "reason", value: "text", about: "one sentence for the journal", default: "by hand" },
    { name: "force", about: "overrule the gate; recorded" },
  ],
  action: async (io, input) => {
    const { readPipeline, withLife } = await import("../life/context.ts");
    const { deployByHand } = await import("../life/cycle.ts");
    const pipeline = await readPipeline(io.cwd, { file: text(input.options.file)!, env: io.env });
    const options = {
      version: versionOf(input),
      reason: text(input.options.reason)!,
      force: input.options.force === true,
    };
    const made = await withLife({ root: pipeline.root, env: io.env }, (life) => deployByHand(life, pipeline, options));
    io.data(made, () => `${io.paint.green("deployed")} ${pipeline.model} ${options.version} as ${made.id}`);
    return 0;
  },
};

const rollback: Command = {
  name: "rollback",
  about: "Serve the deployment before the current one again, in milliseconds",
  options: [
    FILE_OPTION,
    { name: "to", value: "id", about: "a deployment's id instead of the last" },
    { name: "reason", value: "text", about: "one sentence for the journal", default: "by hand" },
  ],
  action: async (io, input) => {
    const { withLife } = await import("../life/context.ts");
    const { rollBack } = await import("../life/deploy.ts");
    const { name, root } = await modelOf(io, input);
    const to = text(input.options.to);
    const options = { reason: text(input.options.reason)!, ...(to ? { to } : {}) };
    const back = await withLife({ root, env: io.env }, (life) => rollBack(life, name, options));
    io.data(back, () => `${io.paint.green("serving")} ${name} ${back.models[0]?.version} again (${back.id})`);
    return 0;
  },
};

const history: Command = {
  name: "deployments",
  about: "Deployments, newest first",
  options: [FILE_OPTION],
  action: async (io, input) => {
    const { deploymentHistory } = await import("../serving/deployment.ts");
    const { workspaceAt } = await import("../base/workspace.ts");
    const { name, root } = await modelOf(io, input);
    const deployments = await deploymentHistory(workspaceAt(root, io.env).deploy, name);
    io.data({ deployments }, () =>
      table(io, deployments, [
        { title: "", value: (d) => (d.current ? io.paint.green("▶") : "") },
        { title: "deployment", value: (d) => d.id, whole: true },
        { title: "versions", value: (d) => d.models.map((m) => `${m.version} ${m.weight}%`).join(", ") },
        { title: "made", value: (d) => when(d.created), whole: true },
        { title: "reason", value: (d) => d.reason },
      ]),
    );
    return 0;
  },
};

/** The model that is named, or the pipeline's, and the workspace that it is in: a model here can be named without a pipeline. */
async function modelOf(io: Io, input: Input): Promise<{ name: string; root: string }> {
  const named = text(input.args.model);
  const file = text(input.options.file)!;
  if (named && file === FILE_OPTION.default) return { name: named, root: io.cwd };
  const { readModel } = await import("../life/context.ts");
  const { model, root } = await readModel(io.cwd, { file, env: io.env });
  return { name: named || model, root };
}

/** A version's number as typed: 3 or v3. */
const versionOf = (input: Input): number =>
  numberOf(text(input.args.version)?.replace(/^v(?=\d)/, ""), "version", { min: 1 })!;

export const modelsGroup: CommandGroup = {
  title: "Models",
  commands: [list, show, lineage, promote, gate, deploy, rollback, history],
};

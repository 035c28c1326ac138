/** The work behind `run`, `why` and `status`; loaded only when one of them runs. */

import { readFileSync } from "node:fs";
import { fail, TrimtabErrors } from "../base/errors.ts";
import { plain } from "../base/plain.ts";
import { parseDurationMs, showBytes, showDuration } from "../base/units.ts";
import type { CheckReport } from "../data/checks/report.ts";
import { readPipeline, withLife } from "../life/context.ts";
import { type CycleResult, runCycle, runOptions } from "../life/cycle.ts";
import { readPairs } from "../life/pairs.ts";
import { statusOf } from "../life/status.ts";
import { type Choice, ranked } from "../pipeline/choose.ts";
import { runPipeline } from "../pipeline/run.ts";
import type { PlannedStep, RunEvent, StepResult } from "../pipeline/types.ts";
import { whyStep } from "../pipeline/why.ts";
import type { Verdict } from "../registry/gate.ts";
import type { TriggerName } from "../spec/types.ts";
import { failedRows } from "./check-report.ts";
import { type Input, numberOf, text, texts } from "./command.ts";
import { figure, type Io, table, when } from "./io.ts";

const TRIGGERS: readonly TriggerName[] = [
  "manual",
  "schedule",
  "drift",
  "performance",
  "new_data",
  "webhook",
  "ci",
  "registry",
];

export async function runCommand(io: Io, input: Input): Promise<number> {
  const params = paramsOf(texts(input.options.param));
  const pipeline = await readPipeline(io.cwd, { file: text(input.options.file)!, env: io.env, params });
  const jobs = numberOf(text(input.options.jobs), "--jobs", { min: 1 });
  const only = texts(input.args.step);
  const base = { force: input.options.force === true, ...(only.length > 0 ? { only } : {}), ...(jobs ? { jobs } : {}) };
  return withLife({ root: pipeline.root, env: io.env }, async (life) => {
    if (input.options["dry-run"] === true) {
      const { plan } = await runPipeline(pipeline, { ...(await runOptions(life, pipeline, base)), dryRun: true });
      io.data({ plan }, () => planTable(io, plan));
      return 0;
    }
    const cancel = new AbortController();
    const stop = () => {
      io.say("ending what runs…");
      cancel.abort();
      life.db.hurry();
    };
    process.once("SIGINT", stop).once("SIGTERM", stop);
    if (hearsHangup()) process.once("SIGHUP", stop);
    try {
      const result = await runCycle(life, pipeline, {
        ...base,
        trigger: triggerOf(text(input.options.trigger)),
        reason: text(input.options.reason) ?? "by hand",
        waitMs: waitOf(text(input.options.wait)),
        signal: cancel.signal,
        serveTracking: async (...open) => (await import("../server/mlflow/local.ts")).serveTracking(...open),
        onEvent: (event) => report(io, event),
        onStage: (stage) => io.progress(`${stage}…`),
      });
      io.progressDone();
      return conclude(io, result);
    } finally {
      process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", stop);
    }
  });
}

/** False under nohup, which has us ignore a terminal that closes: a handler would undo that. False where the system does not tell. */
function hearsHangup(): boolean {
  try {
    return !/^SigIgn:\s*[\da-f]*[13579bdf]$/m.test(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false;
  }
}

function report(io: Io, event: RunEvent): void {
  switch (event.type) {
    case "run.waiting":
      io.progress(`waiting for ${event.holder}…`);
      break;
    case "step.start":
      io.progress(`${event.step}…${event.attempt > 1 ? ` attempt ${event.attempt} of ${event.attempts}` : ""}`);
      break;
    case "step.output":
      io.progress(`${event.step}: ${plain(event.text).trimEnd().split("\n").at(-1) ?? ""}`);
      break;
    case "step.retry":
      io.say(`${io.paint.yellow("retry")} ${event.step} in ${showDuration(event.delayMs)}: ${event.error.message}`);
      break;
    case "step.end":
      io.say(stepLine(io, event.result));
      break;
    case "run.start":
    case "run.end":
      break;
    default:
      event satisfies never;
  }
}

function stepLine(io: Io, { step, state, durationMs, reason, error }: StepResult): string {
  const mark = state === "failed" ? io.paint.red("✗") : state === "done" ? io.paint.green("✓") : io.paint.dim("·");
  const rest = state === "done" ? `${showDuration(durationMs)}, ${reason}` : `${state}: ${error?.message ?? reason}`;
  return `${mark} ${step} ${io.paint.dim(rest)}`;
}

/** Prints what came out and chooses the exit code: 0 done, 1 failed, 3 the gate said no. */
function conclude(io: Io, result: CycleResult): number {
  const { run, version, verdict, deployment, waits, note } = result;
  io.data({ ...run, error: run.error?.toJSON(), version, verdict, deployment, waits, note }, () => {
    const parts = run.steps.length > 0 ? [stepTable(io, run.steps)] : [];
    for (const { error } of run.steps)
      if (error?.code === "CHECK_FAILED") parts.push(...failedRows(io, error.details as CheckReport));
    for (const { state, result } of run.steps)
      if (state === "done" && result.choice) parts.push(choiceText(io, result.choice as Choice));
    if (run.state === "nothing" && version === undefined) parts.push("nothing to do: every step is up to date");
    if (version !== undefined) parts.push(`registered version ${version}`);
    if (verdict) parts.push(verdictText(io, verdict));
    if (deployment)
      parts.push(`${io.paint.green("deployed")} version ${deployment.models[0]?.version} as ${deployment.id}`);
    if (waits) parts.push(io.paint.yellow(waits));
    if (note) parts.push(note);
    return parts.join("\n\n");
  });
  if (run.error) {
    const errors = run.steps.flatMap((step) => (step.error ? [step.error] : []));
    throw errors.length > 1 ? new TrimtabErrors(errors) : run.error;
  }
  if (verdict && !verdict.pass)
    throw fail("GATE_REFUSED", {
      what: `version ${version} is not deployed: ${verdict.rules
        .filter((r) => !r.pass)
        .map((r) => r.reason)
        .join("; ")}`,
    });
  return run.state === "cancelled" ? 1 : 0;
}

/** Steps of a finished run as a table. */
const stepTable = (io: Io, steps: readonly StepResult[]): string =>
  table(io, steps, [
    { title: "step", value: (s) => s.step },
    {
      title: "",
      value: (s) =>
        s.state === "failed"
          ? io.paint.red(s.state)
          : s.state === "done"
            ? io.paint.green(s.state)
            : io.paint.dim(s.state),
    },
    { title: "time", value: (s) => (s.durationMs > 0 ? showDuration(s.durationMs) : ""), right: true },
    { title: "cpu", value: (s) => (s.cpuMs > 0 ? showDuration(s.cpuMs) : ""), right: true },
    { title: "peak memory", value: (s) => (s.memoryBytesPeak > 0 ? showBytes(s.memoryBytesPeak) : ""), right: true },
    { title: "why", value: (s) => s.reason },
  ]);

/** What a grid came to, the best first. */
function choiceText(io: Io, choice: Choice): string {
  const { metric, best, combinations } = choice;
  return table(io, ranked(choice), [
    { title: `${combinations.length} combinations`, value: (c) => c.step },
    { title: metric, value: (c) => figure(c.metrics[metric]), right: true },
    { title: "", value: (c) => (c.step === best.step ? io.paint.green("best") : (c.leftOut ?? "")) },
    { title: "run", value: (c) => c.runId?.slice(0, 8) },
  ]);
}

/** Every rule with both figures and the margin. */
export const verdictText = (io: Io, verdict: Verdict): string =>
  [
    `gate: ${verdict.pass ? io.paint.green("passed") : io.paint.red("refused")}`,
    verdict.rules.length === 0
      ? verdict.reason
      : table(io, verdict.rules, [
          { title: "rule", value: (r) => `${r.metric} ${r.rule}` },
          { title: "candidate", value: (r) => figure(r.candidate), right: true },
          { title: "champion", value: (r) => figure(r.champion), right: true },
          { title: "limit", value: (r) => figure(r.limit), right: true },
          { title: "margin", value: (r) => figure(r.margin), right: true },
          { title: "", value: (r) => (r.pass ? io.paint.green("ok") : io.paint.red("no")) },
          { title: "reason", value: (r) => r.reason },
        ]),
  ].join("\n");

const planTable = (io: Io, plan: readonly PlannedStep[]): string =>
  table(io, plan, [
    { title: "step", value: (p) => p.step },
    {
      title: "would",
      value: (p) => (p.run ? io.paint.yellow(p.action === "wait" ? "run if changed" : "run") : p.action),
    },
    { title: "why", value: (p) => p.reason },
  ]);

export async function whyCommand(io: Io, step: string, file: string, params: string[]): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file, env: io.env, params: paramsOf(params) });
  return withLife({ root: pipeline.root, env: io.env }, async (life) => {
    const answer = await whyStep(pipeline, step, await runOptions(life, pipeline));
    io.data(answer, () => answer.text);
    return 0;
  });
}

export async function statusCommand(io: Io, file: string): Promise<number> {
  const pipeline = await readPipeline(io.cwd, { file, env: io.env });
  return withLife({ root: pipeline.root, env: io.env }, async (life) => {
    const status = await statusOf(life, pipeline);
    io.data(status, () => {
      const { bold, dim, green, yellow } = io.paint;
      const serving = status.deployment
        ? status.deployment.models.map((m) => `version ${m.version} ${m.weight}%`).join(", ") +
          dim(`, deployed ${when(status.deployment.created)}`)
        : dim("nothing");
      const attention = status.attention.map((a) => `${yellow("!")} ${a.what}  ${dim(a.mend)}`);
      const running = status.run
        ? [
            `run ${status.run.id.slice(0, 8)} (${status.run.trigger}) is under way ${dim(`since ${when(status.run.since)}`)}`,
          ]
        : [];
      return [
        [`${bold(status.model)} serves ${serving}`, ...running].join("\n"),
        planTable(io, status.plan),
        ...(attention.length > 0 ? [attention.join("\n")] : [green("nothing needs attention")]),
      ].join("\n\n");
    });
    return 0;
  });
}

const paramsOf = (pairs: readonly string[]) => readPairs(pairs, "--param");

export function triggerOf(name: string | undefined): TriggerName {
  const known = TRIGGERS.find((trigger) => trigger === name);
  if (!known)
    throw fail("USAGE", { what: `"${name}" is no trigger`, place: "--trigger", mend: `one of ${TRIGGERS.join(", ")}` });
  return known;
}

export function waitOf(value: string | undefined): number {
  const waitMs = value === undefined ? 0 : parseDurationMs(value);
  if (waitMs === undefined)
    throw fail("USAGE", { what: `"${value}" is no duration`, place: "--wait", mend: "write 30s, 10m or 1h" });
  return waitMs;
}

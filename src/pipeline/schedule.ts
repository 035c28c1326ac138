/** Works a plan off: settles what can be kept, restores, starts what is ready while slots last, and plans again after each. */

import { asTrimtabError } from "../base/errors.ts";
import type { Choice } from "./choose.ts";
import { paramText } from "./env.ts";
import { ownParts, planWithCache } from "./facts.ts";
import { gridOf, paramName } from "./grid.ts";
import { type Lease, Slots } from "./slots.ts";
import { type RunContext, restoreStep, runStep, type StepEnd, settledResult } from "./step.ts";
import type { PlannedStep, StepRecord, StepResult } from "./types.ts";

export class Schedule {
  private readonly slots: Slots;
  private readonly running = new Map<string, Promise<void>>();
  private readonly results = new Map<string, StepResult>();
  private brokenBy: string | undefined;

  constructor(
    private readonly run: RunContext,
    private plan: PlannedStep[],
    jobs: number,
  ) {
    this.slots = new Slots(Math.max(1, jobs));
  }

  /** Resolves to every step's result, in the plan's order, when nothing runs any more. */
  async work(): Promise<StepResult[]> {
    const order = this.plan.map((step) => step.step);
    for (;;) {
      if (await this.startReady()) continue;
      if (this.running.size === 0) break;
      await Promise.race(this.running.values());
    }
    for (const step of this.plan) if (!this.results.has(step.step)) this.settle(step, this.skipped(step));
    return order.map((name) => this.results.get(name)!);
  }

  /** True when something was settled at once, so that the plan has changed and more may be ready. */
  private async startReady(): Promise<boolean> {
    if (this.brokenBy !== undefined || this.run.signal.aborted) return false;
    for (const planned of this.plan) {
      const { step, action, after } = planned;
      if (this.results.has(step) || this.running.has(step) || action === "wait") continue;
      const { settled, failed } = this.run.facts;
      if (!after.every((name) => settled.has(name) || failed.has(name))) continue;
      if (action === "keep") {
        const result = settledResult(this.run.keys.graph.get(step)!, "kept", planned);
        await this.settled(planned, { result, record: planned.record! });
        return true;
      }
      const lease = this.slots.take(this.run.keys.pipeline.steps[step]!);
      if (lease) this.start(planned, lease);
    }
    return false;
  }

  private start(planned: PlannedStep, lease: Lease): void {
    const task = this.doStep(planned, lease)
      .catch((error: unknown) => {
        // Only what is no failure of the step itself comes here: a database that is gone, a bug.
        const broken = asTrimtabError(error);
        this.settle(planned, { ...this.skipped(planned), state: "failed", error: broken });
        this.brokenBy ??= planned.step;
      })
      .finally(() => {
        this.slots.free(lease);
        this.running.delete(planned.step);
      });
    this.running.set(planned.step, task);
  }

  private async doStep(planned: PlannedStep, lease: Lease): Promise<void> {
    const node = this.run.keys.graph.get(planned.step)!;
    if (planned.action === "run") return this.settled(planned, await runStep(this.run, node, planned, lease.cpuIds));
    try {
      await this.settled(planned, await restoreStep(this.run, node, planned));
    } catch (error) {
      const { code } = asTrimtabError(error);
      if (code !== "OBJECT_MISSING" && code !== "OBJECT_CORRUPT") throw error;
      // The cache lost it since it was asked: the step runs instead.
      this.run.facts.lost.add(planned.key!);
      await this.replan();
    }
  }

  private async settled(planned: PlannedStep, end: StepEnd): Promise<void> {
    const { facts } = this.run;
    if (end.record === undefined) {
      if (end.result.state === "failed") this.failed(planned.step);
    } else {
      facts.settled.set(planned.step, end.record);
      await this.tellChoice(planned.step, end.record);
      for (const [out, { digest }] of Object.entries(end.record.outputs)) facts.current.set(out, digest);
      if (end.result.state !== "kept") await this.lookAgain(planned.step);
    }
    this.settle(planned, end.result);
    await this.replan();
  }

  /** A grid goes on without a combination that failed; any other step that fails ends the run. */
  private failed(step: string): void {
    if (gridOf(this.run.keys.pipeline.steps[step]!) !== undefined) this.run.facts.failed.add(step);
    else this.brokenBy ??= step;
  }

  /** What a grid chose are params of the run, also when it chose in an earlier one. */
  private async tellChoice(step: string, record: StepRecord): Promise<void> {
    const { choice } = record.result as { choice?: Choice };
    for (const [name, value] of Object.entries(choice?.best.params ?? {}))
      await this.run.recorder?.param(paramName(this.run.keys.pipeline, step, name), paramText(value));
  }

  /** A folder in deps that holds what the step just wrote has another content now. */
  private async lookAgain(name: string): Promise<void> {
    for (const node of this.run.keys.graph.values())
      if (node.folders.length > 0 && node.upstream.includes(name) && this.run.facts.parts.has(node.step.name))
        this.run.facts.parts.set(node.step.name, await ownParts(node, this.run.keys));
  }

  private async replan(): Promise<void> {
    this.plan = await planWithCache(this.run.keys.pipeline, this.run.keys.graph, this.run.facts, this.run.cache);
  }

  private settle(planned: PlannedStep, result: StepResult): void {
    this.results.set(planned.step, result);
    this.run.emit({ type: "step.end", step: planned.step, result });
  }

  private skipped(planned: PlannedStep): StepResult {
    const why = this.brokenBy === undefined ? "the run was cancelled" : `${this.brokenBy} failed`;
    return { ...settledResult(this.run.keys.graph.get(planned.step)!, "skipped", planned), reason: why };
  }
}

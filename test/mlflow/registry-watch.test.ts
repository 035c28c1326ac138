/** Versions that MLflow's clients register of a pipeline's model meet its gate, and what passes serves, through the real program. */

import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeProject } from "../e2e/project.ts";
import { freshFolder, post, type Served, startUp, trimtab, trimtabJson, until } from "../program.ts";
import { pythonWith } from "../python.ts";
import { CLIENTS, type Client } from "./client.ts";

interface Version {
  version: number;
  gate: "passed" | "refused" | "pending";
  verdict?: {
    reason: string;
    champion: boolean;
    rules: { metric: string; candidate: number; champion: number | null }[];
  };
}

interface Event {
  kind: string;
  subject: string;
  actor: string;
  reason: string;
  data: Record<string, unknown>;
}

/** One thread: on a busy machine those of OpenMP would spin against each other for a minute. */
const ENV = { OMP_NUM_THREADS: "1" };

for (const client of CLIENTS) {
  const python = await pythonWith(client);
  describe(client, () => {
    test.if(python !== undefined)(
      "a registered version is judged once, and serves when it passes",
      () => life(client, python!),
      600_000,
    );
  });
}

async function life(client: Client, python: string): Promise<void> {
  const folder = freshFolder(`registry-${client}`);
  const home = folder.path;
  writeProject(home);
  symlinkSync(dirname(dirname(python)), join(home, ".venv"));
  const register = async (url: string, ...which: string[]): Promise<number[]> => {
    const child = Bun.spawn([python, join(import.meta.dir, "register.py"), ...which], {
      cwd: home,
      env: { ...process.env, ...ENV, MLFLOW_TRACKING_URI: url },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(said.slice(-3000));
    return JSON.parse(out) as number[];
  };
  const api = async <T>(path: string) => (await (await fetch(`${served.control}/api/v1/${path}`)).json()) as T;
  const versions = async () => (await api<{ versions: Version[] }>("models/tiny/versions")).versions;
  const events = async (kind: string) => (await api<{ events: Event[] }>(`events?kind=${kind}`)).events;
  /** Waits for the verdict on a version. */
  const judged = async (version: number): Promise<Version> => {
    let found: Version | undefined;
    await until(
      async () => {
        found = (await versions()).find((one) => one.version === version);
        return found?.gate !== "pending" && found !== undefined;
      },
      120_000,
      () => `version ${version} was not judged: ${served.talk()}`,
    );
    return found!;
  };
  const answer = async () =>
    (await (await post(`${served.serving}/predict`, { inputs: [{ a: 1, b: 0.5, kind: "x" }] })).json()) as {
      version: number;
      predictions: number[];
    };
  const serves = (version: number) =>
    until(
      async () => (await answer()).version === version,
      60_000,
      () => `version ${version} does not serve: ${served.talk()}`,
    );
  expect((await trimtab(["run"], { cwd: home })).exit).toBe(0);
  let served: Served = await startUp(home, { env: ENV, processes: 1 });
  try {
    const rest = client === "mlflow3" ? ["raw_columns", "xgboost", "lightgbm", "onnx", "pyfunc"] : ["raw_columns"];
    const registered = await register(served.control, "sklearn", "bad", "strange", ...rest);
    const last = registered.at(-1)!;
    await judged(last);
    await serves(last);
    expect((await answer()).predictions).toEqual([1]);
    const gates = new Map((await versions()).map((one) => [one.version, one]));
    for (const version of registered)
      expect([version, gates.get(version)!.gate]).toEqual([version, [3, 4].includes(version) ? "refused" : "passed"]);
    expect(gates.get(2)!.verdict).toMatchObject({ champion: true, rules: [{ metric: "accuracy", champion: 1 }] });
    expect(gates.get(4)!.verdict!.reason).toContain("altitude");
    const { jobs } = await api<{ jobs: { kind: string; trigger: string; state: string }[] }>("jobs");
    expect(jobs.map(({ kind, trigger, state }) => [kind, trigger, state])).toEqual(
      Array(last - 1).fill(["gate", "registry", "done"]),
    );
    const made = (await events("deployment.made")).map(
      ({ data }) => (data.versions as { version: number }[])[0]!.version,
    );
    const good = registered.filter((version) => ![3, 4].includes(version));
    expect(made).toEqual([1, ...good]);
    const passed = await events("gate.passed");
    expect(passed.filter((event) => event.actor === "registry").map((event) => event.subject)).toEqual(
      good.map((version) => `model/tiny/${version}`),
    );
    expect(passed.at(-1)!.data).toMatchObject({ rows: 100, champion: good.at(-2) ?? 1 });
    // A classifier's own library tells probabilities, which MLflow's pyfunc keeps to itself.
    for (const event of passed.slice(1, client === "mlflow3" ? 5 : undefined))
      expect((event.data.candidate as Record<string, number>).log_loss).toBeLessThan(0.6);

    // Switched off, it is left to a person, who does by hand what the watch would have done.
    await served.stop();
    served = await startUp(home, { env: { ...ENV, TRIMTAB_AUTOMATE_GATE: "false" }, processes: 1 });
    expect(await register(served.control, "sklearn")).toEqual([last + 1]);
    await until(
      async () =>
        (await events("automation.left_to_person")).some((event) => event.subject === `model/tiny/${last + 1}`),
      30_000,
      () => "it was not left to a person",
    );
    const unproven = await trimtab(["deploy", String(last + 1)], { cwd: home });
    expect(unproven).toMatchObject({ exit: 3, stderr: expect.stringContaining(`trimtab gate ${last + 1}`) });
    expect(await trimtab(["gate"], { cwd: home, env: ENV })).toMatchObject({ exit: 0 });
    expect(await trimtab(["deploy", String(last + 1)], { cwd: home, env: ENV })).toMatchObject({ exit: 0 });
    await serves(last + 1);
    const again = await trimtabJson<{ findings: { state: string }[] }>(["doctor"], { cwd: home, env: ENV });
    expect(again.findings.filter((finding) => finding.state === "bad")).toEqual([]);
  } finally {
    await served.stop();
    folder.remove();
  }
}

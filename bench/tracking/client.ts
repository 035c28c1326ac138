/** Calls to a tracking server, and what it is filled with before it is measured. */

export const API = "/api/2.0/mlflow/";

/** One call; rejects when the answer is not 200. */
export async function call<T>(url: string, method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}${API}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

export interface Filled {
  experimentId: string;
  runId: string;
}

/** An experiment with `runs` small runs, and one run with 20 metrics and 20 params. */
export async function fill(url: string, runs: number): Promise<Filled> {
  const name = `bench ${crypto.randomUUID()}`;
  const { experiment_id } = await call<{ experiment_id: string }>(url, "POST", "experiments/create", { name });
  const runIds: string[] = [];
  let next = 0;
  const lane = async () => {
    while (next < runs) runIds.push(await makeRun(url, experiment_id, next++, 5));
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return { experimentId: experiment_id, runId: await makeRun(url, experiment_id, runs, 20) };
}

/** A run of values that depend on `i` alone, so that filters find the same share on every server. */
export async function makeRun(url: string, experimentId: string, i: number, values: number): Promise<string> {
  const made = await call<{ run: { info: { run_id: string } } }>(url, "POST", "runs/create", {
    experiment_id: experimentId,
    run_name: `run ${i}`,
    start_time: 1_600_000_000_000 + i * 1000,
    tags: [{ key: "team", value: ["red", "green", "blue", "grey"][i % 4] }],
  });
  const run_id = made.run.info.run_id;
  await call(url, "POST", "runs/log-batch", { run_id, ...batchOf(i, values) });
  return run_id;
}

const batchOf = (i: number, values: number) => ({
  metrics: Array.from({ length: values }, (_, k) => ({
    key: `m${k}`,
    value: ((i * 7919 + k * 104729) % 100_003) / 100_003,
    timestamp: 1_600_000_000_000 + i,
    step: 0,
  })),
  params: Array.from({ length: values }, (_, k) => ({ key: `p${k}`, value: String((i * (k + 3)) % 97) })),
});

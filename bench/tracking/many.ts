/** Search over 100,000 runs with 20 metrics each, on our server. */

import { type Figure, timed } from "../measure.ts";
import { call, makeRun } from "./client.ts";

const RUNS = Number(process.env.BENCH_RUNS ?? 100_000);
const ASKED = 60;

const SEARCHES: readonly { name: string; filter: string; order: string[] }[] = [
  { name: "newest", filter: "", order: [] },
  { name: "by a metric", filter: "", order: ["metrics.m3 DESC"] },
  { name: "metric filter (half), by another", filter: "metrics.m0 > 0.5", order: ["metrics.m1 DESC"] },
  { name: "metric filter (1 in 1000), by another", filter: "metrics.m0 > 0.999", order: ["metrics.m1"] },
  { name: "param filter, by a metric", filter: "params.p3 = '42'", order: ["metrics.m2"] },
  { name: "tag filter, by a metric", filter: "tags.team = 'red'", order: ["metrics.m2 DESC"] },
  {
    name: "metric, param and tag, by start",
    filter: "metrics.m0 > 0.2 and params.p3 = '42' and tags.team = 'red'",
    order: ["start_time DESC"],
  },
  { name: "name pattern, by a param", filter: "run_name LIKE '%999%'", order: ["params.p1"] },
  { name: "nothing found", filter: "metrics.m0 > 2", order: ["metrics.m1"] },
];

export async function searchMany(url: string): Promise<Figure[]> {
  const { experiment_id } = await call<{ experiment_id: string }>(url, "POST", "experiments/create", { name: "many" });
  const from = performance.now();
  let next = 0;
  let saidMs = from;
  const lane = async () => {
    while (next < RUNS) {
      await makeRun(url, experiment_id, next++, 20);
      if (performance.now() - saidMs < 5000) continue;
      saidMs = performance.now();
      process.stderr.write(`${next} of ${RUNS} runs\n`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  const figures: Figure[] = [
    {
      what: `make ${RUNS} runs with 20 metrics and 20 params each`,
      value: RUNS / ((performance.now() - from) / 1000),
      unit: "/s",
    },
  ];
  for (const { name, filter, order } of SEARCHES) {
    const body = { experiment_ids: [experiment_id], filter, order_by: order, max_results: 100 };
    const tookMs = (await timed(ASKED, () => call(url, "POST", "runs/search", body))).sort((a, b) => a - b);
    figures.push({
      what: `search, p95: ${name}`,
      value: tookMs[Math.floor(ASKED * 0.95)]!,
      unit: "ms",
      goal: "≤ 50 ms",
      runs: ASKED,
    });
  }
  figures.push(await deepPage(url, experiment_id));
  return figures;
}

/** The 200th page must cost what the first one does. */
async function deepPage(url: string, experimentId: string): Promise<Figure> {
  const body = { experiment_ids: [experimentId], order_by: ["metrics.m3 DESC"], max_results: 100 };
  let token: string | undefined;
  const page = async () => {
    const answer = await call<{ next_page_token?: string }>(url, "POST", "runs/search", { ...body, page_token: token });
    token = answer.next_page_token;
  };
  for (let i = 0; i < Math.min(199, RUNS / 100 - 2); i++) await page();
  const [tookMs] = await timed(1, page);
  return { what: "search by a metric, page 200", value: tookMs!, unit: "ms", goal: "≤ 50 ms", runs: 1 };
}

/**
 * Counters, gauges and histograms in Prometheus' text format, and their sum over processes: a scrape reaches one of the
 * processes that share the port, so each hands its numbers to the supervisor and a scrape answers with everybody's.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

type Kind = "counter" | "gauge" | "histogram";

/** The numbers of one process, as JSON. Values are keyed by label text; a histogram's are counts per bucket, then the sum. */
export type MetricsSnapshot = Record<
  string,
  { kind: Kind; help: string; edges?: number[]; values: Record<string, number[]> }
>;

export type Labels = Record<string, string | number>;

export interface Metric {
  /** Adds to a counter or gauge, or observes a value in a histogram. */
  add(labels: string, value: number): void;
  set(labels: string, value: number): void;
}

export interface Metrics {
  metric(name: string, kind: Kind, help: string, edges?: number[]): Metric;
  snapshot(): MetricsSnapshot;
}

/** Label text, made once where a series is hot: `model="a",version="1"`. */
export const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
    .join(",");

const escapeLabel = (text: string): string => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");

export function createMetrics(): Metrics {
  const all: MetricsSnapshot = {};
  return {
    metric(name, kind, help, edges) {
      const values: Record<string, number[]> = {};
      all[name] = { kind, help, values, ...(edges && { edges }) };
      return {
        add(labels, value) {
          if (edges) observe(values, labels, edges, value);
          else values[labels] = [(values[labels]?.[0] ?? 0) + value];
        },
        set(labels, value) {
          values[labels] = [value];
        },
      };
    },
    snapshot: () => structuredClone(all),
  };
}

function observe(values: Record<string, number[]>, labels: string, edges: readonly number[], value: number): void {
  let counts = values[labels];
  if (counts === undefined) values[labels] = counts = new Array(edges.length + 2).fill(0);
  let bucket = 0;
  while (bucket < edges.length && value > edges[bucket]!) bucket++;
  counts[bucket]!++;
  counts[edges.length + 1]! += value;
}

/** Sums snapshots series by series. */
export function sumSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const total: MetricsSnapshot = {};
  for (const snapshot of snapshots)
    for (const [name, metric] of Object.entries(snapshot)) {
      const into = total[name] ?? { ...metric, values: {} };
      total[name] = into;
      for (const [labels, values] of Object.entries(metric.values)) {
        const sums = into.values[labels];
        into.values[labels] = sums ? sums.map((sum, i) => sum + (values[i] ?? 0)) : [...values];
      }
    }
  return total;
}

/** The text that Prometheus scrapes. */
export function formatMetrics(snapshot: MetricsSnapshot): string {
  const lines: string[] = [];
  for (const [name, { kind, help, edges, values }] of Object.entries(snapshot)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    for (const [labels, numbers] of Object.entries(values)) {
      if (edges) lines.push(...histogramLines(name, labels, edges, numbers));
      else lines.push(`${name}${labels && `{${labels}}`} ${numbers[0]}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function histogramLines(name: string, labels: string, edges: readonly number[], numbers: readonly number[]): string[] {
  const prefix = labels && `${labels},`;
  let count = 0;
  const lines = [...edges, "+Inf"].map((edge, i) => {
    count += numbers[i] ?? 0;
    return `${name}_bucket{${prefix}le="${edge}"} ${count}`;
  });
  const all = labels && `{${labels}}`;
  return [...lines, `${name}_sum${all} ${numbers[edges.length + 1]}`, `${name}_count${all} ${count}`];
}

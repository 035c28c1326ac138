/** Live traffic from history: sends flights in time order to /predict, and later what became of them to /feedback. */

import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** Flights in one bulk request, and how many requests are under way at once. */
const BULK_ROWS = 500;
const IN_FLIGHT = 8;
/** Every so many bulk requests, one flight is asked for alone: that is what a lone caller waits. */
const SINGLE_EVERY = 10;

interface Flights {
  date: number[];
  distance: number[];
  origin: string[];
  destination: string[];
  late: boolean[];
}

interface Week {
  rows: number;
  answers: { id: string; outcomes: boolean[] }[];
}

export class Replay {
  rows = 0;
  outcomesSent = 0;
  failed = 0;
  busyMs = 0;
  readonly latenciesMs: number[] = [];
  readonly singleMs: number[] = [];
  private duck: DuckDBConnection | undefined;

  constructor(
    private readonly url: string,
    private readonly source: string,
    private readonly share: number,
  ) {}

  /** Sends the flights of [from, to) as predictions are asked for in life: in time order, a few requests at once. */
  async week(from: string, to: string, onProgress: (rows: number) => void): Promise<Week> {
    const flights = await this.load(from, to);
    const week: Week = { rows: flights.date.length, answers: [] };
    const starts = Array.from({ length: Math.ceil(week.rows / BULK_ROWS) }, (_, i) => i * BULK_ROWS);
    const began = performance.now();
    let next = 0;
    const lane = async () => {
      while (next < starts.length) {
        const turn = next++;
        const [at, end] = [starts[turn]!, Math.min(starts[turn]! + BULK_ROWS, week.rows)];
        const id = await this.ask(flights, at, end, this.latenciesMs);
        if (id) week.answers.push({ id, outcomes: flights.late.slice(at, end) });
        if (turn % SINGLE_EVERY === 0) {
          // The same flight again, alone, is measured but not counted: it has its own id and no outcome is sent for it.
          await this.ask(flights, at, at + 1, this.singleMs);
          onProgress(at);
        }
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    this.busyMs += performance.now() - began;
    this.rows += week.rows;
    return week;
  }

  /** What became of a week's flights. */
  async outcomes(week: Week): Promise<void> {
    for (let at = 0; at < week.answers.length; at += IN_FLIGHT) {
      const group = week.answers.slice(at, at + IN_FLIGHT);
      await Promise.all(group.map((answer) => this.post("/feedback", answer)));
      this.outcomesSent += group.reduce((sum, answer) => sum + answer.outcomes.length, 0);
    }
  }

  private async ask(flights: Flights, at: number, end: number, times: number[]): Promise<string | undefined> {
    const columns = {
      date: flights.date.slice(at, end),
      distance: flights.distance.slice(at, end),
      origin: flights.origin.slice(at, end),
      destination: flights.destination.slice(at, end),
    };
    const began = performance.now();
    const answer = (await this.post("/predict", { columns })) as { id: string } | undefined;
    times.push(performance.now() - began);
    return answer?.id;
  }

  private async post(path: string, body: unknown): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.ok) return response.json();
    this.failed++;
    if (this.failed === 1) process.stderr.write(`\n${path}: ${response.status} ${await response.text()}\n`);
    else await response.arrayBuffer();
    return undefined;
  }

  private async load(from: string, to: string): Promise<Flights> {
    this.duck ??= await (await DuckDBInstance.create(":memory:")).connect();
    const thin =
      this.share < 1 ? `AND hash(date, origin, destination, delay) % 1000 < ${Math.round(this.share * 1000)}` : "";
    const result = await this.duck.runAndReadAll(
      `SELECT epoch_ms(date)::DOUBLE, distance::DOUBLE, origin, destination, delay > 15
       FROM '${this.source}' WHERE date >= '${from}' AND date < '${to}' ${thin} ORDER BY ALL`,
    );
    const [date, distance, origin, destination, late] = result.getColumns() as [
      number[],
      number[],
      string[],
      string[],
      boolean[],
    ];
    return {
      date: date ?? [],
      distance: distance ?? [],
      origin: origin ?? [],
      destination: destination ?? [],
      late: late ?? [],
    };
  }
}

/** Nearest-rank percentile; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

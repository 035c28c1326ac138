/** Asks answered in as few scans as there are relations: all that ask of the same rows share one SELECT. */

import { TrimtabError } from "../../base/errors.ts";
import type { Duck } from "../duckdb.ts";
import { type Answer, type Ask, Problem } from "./check.ts";

/** One SELECT asks for at most this many figures, so that planning it stays cheap. */
const SELECTS_MAX = 400;

export class Answers {
  private readonly known = new Map<string, unknown>();

  /** Answers what is not known yet. A figure that the engine cannot give becomes a Problem for whoever asks for it. */
  async find(duck: Duck, asks: readonly Ask[]): Promise<void> {
    const wanted = new Map<string, Set<string>>();
    for (const { from, select } of asks)
      if (!this.known.has(key({ from, select }))) wanted.set(from, (wanted.get(from) ?? new Set()).add(select));
    for (const [from, selects] of wanted) {
      const all = [...selects];
      for (let at = 0; at < all.length; at += SELECTS_MAX)
        await this.scan(
          duck,
          from,
          all.slice(at, at + SELECTS_MAX).map((select) => ({ from, select })),
        );
    }
  }

  readonly get: Answer = (ask) => {
    const value = this.known.get(key(ask));
    if (value instanceof Problem) throw value;
    return value;
  };

  private async scan(duck: Duck, from: string, asks: readonly Ask[]): Promise<void> {
    const list = asks.map(({ select }, i) => `${select} AS a${i}`).join(", ");
    try {
      const [row] = await duck.rows(`SELECT ${list} FROM ${from}`);
      for (const [i, one] of asks.entries()) this.known.set(key(one), row?.[`a${i}`] ?? null);
    } catch (error) {
      if (!isOfTheFigure(error)) throw error;
      if (asks.length === 1) this.known.set(key(asks[0]!), new Problem((error as Error).message));
      // One figure that overflows takes the whole SELECT with it: alone, each shows whether it is the one.
      else for (const one of asks) await this.scan(duck, from, [one]);
    }
  }
}

const key = ({ from, select }: Ask): string => `${select}\0${from}`;

/** An error of the expression; a full disk, an unreadable file or an aborted run is nobody's figure. */
export const isOfTheFigure = (error: unknown): error is TrimtabError =>
  error instanceof TrimtabError &&
  error.place === undefined &&
  ["DATA_COLUMN", "DATA_UNREADABLE", "INTERNAL"].includes(error.code);

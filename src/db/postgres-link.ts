/**
 * The connections to one PostgreSQL: a pool that reads and one connection that writes. A server that stops answering (its host
 * is gone, its network is cut, it is stopped) breaks no connection for a quarter of an hour: so when an answer is long in
 * coming the server is asked on a new connection, and when that is not answered either, all connections are given up. What
 * waited on them fails as if they had been cut.
 */

import { SQL } from "bun";
import { LIMITS } from "../base/limits.ts";
import { isConnectionLost, mappedError } from "./postgres-errors.ts";

export class Link {
  private pools: { reader: SQL; writer: SQL };
  /** When each question that waits for its answer was put. */
  private readonly asked = new Map<number, number>();
  private questions = 0;
  private isProbing = false;
  private readonly watch: ReturnType<typeof setInterval>;

  constructor(
    private readonly address: string,
    readonly place: string,
    private readonly silenceMs: number,
  ) {
    this.pools = this.connect();
    this.watch = setInterval(() => void this.look(), silenceMs / 2);
    this.watch.unref();
  }

  get reader(): SQL {
    return this.pools.reader;
  }
  get writer(): SQL {
    return this.pools.writer;
  }

  /**
   * Asks again when the connection turned out to be cut: another one may do. A cut connection fails at once; what took as
   * long as giving up a silent server takes is not tried again.
   */
  async retry<T>(attempts: number, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const sinceMs = performance.now();
      try {
        return await ask();
      } catch (error) {
        const isSlow = performance.now() - sinceMs > this.silenceMs;
        if (attempt >= attempts || isSlow || !isConnectionLost(error)) throw error;
      }
    }
  }

  /** Every wait for the server goes through here; an error comes out as ours. */
  async wait<T>(ask: () => PromiseLike<T>): Promise<T> {
    const question = this.questions++;
    this.asked.set(question, performance.now());
    try {
      return await ask();
    } catch (error) {
      throw mappedError(error, this.place);
    } finally {
      this.asked.delete(question);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.watch);
    await Promise.all([this.reader.close({ timeout: 5 }), this.writer.close({ timeout: 5 })]);
  }

  private connect(): { reader: SQL; writer: SQL } {
    // Routers forget connections that are silent for some minutes, and tell nobody.
    const options = { connectionTimeout: LIMITS.dbConnectMs / 1000, idleTimeout: LIMITS.dbSilenceMs / 1000 };
    return {
      reader: new SQL(this.address, { ...options, max: LIMITS.dbConnections }),
      writer: new SQL(this.address, { ...options, max: 1 }),
    };
  }

  private async look(): Promise<void> {
    const nowMs = performance.now();
    if (this.isProbing || !this.asked.values().some((sinceMs) => nowMs - sinceMs > this.silenceMs)) return;
    this.isProbing = true;
    try {
      if (await this.answers()) for (const question of this.asked.keys()) this.asked.set(question, performance.now());
      else this.giveUp();
    } finally {
      this.isProbing = false;
    }
  }

  /** Whether a new connection is answered. A slow question is no reason to give up. */
  private async answers(): Promise<boolean> {
    const timeoutMs = Math.min(LIMITS.dbConnectMs, this.silenceMs);
    const probe = new SQL(this.address, { max: 1, connectionTimeout: timeoutMs / 1000 });
    const asked = probe.unsafe("SELECT 1").then(
      () => true,
      () => false,
    );
    const answered = await Promise.race([asked, Bun.sleep(timeoutMs).then(() => false)]);
    await probe.close({ timeout: 0 });
    return answered;
  }

  /** Whatever waits on the writing connection fails as if it had been cut. */
  cutWriter(): void {
    const { writer } = this.pools;
    this.pools = { ...this.pools, writer: this.connect().writer };
    writer.close({ timeout: 0 }).catch(() => undefined);
  }

  private giveUp(): void {
    const { reader, writer } = this.pools;
    this.pools = this.connect();
    for (const pool of [reader, writer]) pool.close({ timeout: 0 }).catch(() => undefined);
  }
}

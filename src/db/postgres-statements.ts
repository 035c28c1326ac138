/** Our SQL on PostgreSQL: on one connection, or on any of a pool. */

import type { SQL } from "bun";
import type { Sql, SqlValue } from "./db.ts";
import { numbered } from "./placeholders.ts";
import { batched } from "./postgres-batch.ts";
import type { Link } from "./postgres-link.ts";
import { rowsOf } from "./postgres-rows.ts";

/** Statements that runMany sends without waiting for answers. */
const PIPELINED = 500;

const texts = new Map<string, string>();

/** Our text as PostgreSQL's; bounded, because filters make texts without end. */
function textOf(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  if (texts.size >= 500) texts.clear();
  const text = numbered(sql);
  texts.set(sql, text);
  return text;
}

export class Statements implements Sql {
  constructor(
    private readonly link: Link,
    /** Asked anew each time: a link may replace its pool. */
    private readonly client: () => Pick<SQL, "unsafe">,
  ) {}

  private query(sql: string, params: readonly SqlValue[]): Promise<SQL.ResultMetadata & Record<string, unknown>[]> {
    return this.link.wait(() => this.client().unsafe(textOf(sql), params as SqlValue[]));
  }
  async all<T>(sql: string, params: readonly SqlValue[] = []): Promise<T[]> {
    return rowsOf<T>(await this.query(sql, params));
  }
  async get<T>(sql: string, params: readonly SqlValue[] = []): Promise<T | undefined> {
    return rowsOf<T>(await this.query(sql, params))[0];
  }
  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.query(sql, params)).affectedRows;
  }
  async runMany(sql: string, params: readonly (readonly SqlValue[])[]): Promise<void> {
    const statements = batched(sql, params);
    for (let from = 0; from < statements.length; from += PIPELINED) {
      const sent = statements.slice(from, from + PIPELINED).map((one) => this.query(one.sql, one.params));
      const failed = (await Promise.allSettled(sent)).find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
    }
  }
}

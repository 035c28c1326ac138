/** Rows of PostgreSQL in the types that `Db` promises: Bun gives int8 and numeric as text, bytes as Buffer. */

import type { SQL } from "bun";

const BYTEA = 17;
const INT8 = 20;
const NUMERIC = 1700;

/** A number when it is held exactly, else a bigint (int8) or the text (numeric). */
function numberOf(text: string, type: number): number | bigint | string {
  const value = Number(text);
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  return type === INT8 ? BigInt(text) : text;
}

function converted(value: unknown, type: number): unknown {
  if (value === null) return null;
  if (type === BYTEA) {
    const bytes = value as Uint8Array;
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return numberOf(String(value), type);
}

export function rowsOf<T>(result: SQL.ResultMetadata & Record<string, unknown>[]): T[] {
  const columns = (result.columns ?? []).filter(({ type }) => type === INT8 || type === NUMERIC || type === BYTEA);
  for (const row of result) for (const { name, type } of columns) row[name] = converted(row[name], type);
  return Array.from(result) as T[];
}

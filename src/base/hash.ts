/** Hashes of bytes, files and values, and random ids. */

import { createReadStream } from "node:fs";

export type HashName = "md5" | "sha256";

export const hashText = (name: HashName, text: string | Uint8Array): string =>
  new Bun.CryptoHasher(name).update(text).digest("hex");

/** Hashes a file in constant memory. Rejects with the system's error when the file cannot be read. */
export async function hashFile(name: HashName, path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher(name);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hasher.update(chunk as Buffer);
  return hasher.digest("hex");
}

/**
 * JSON with object keys sorted by code unit and no spaces, so that equal values give equal text (RFC 8785 for the
 * values we use). Undefined members are left out; NaN and infinities are refused, because JSON would turn them into null
 * and two different values would then share a hash.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`canonicalJson cannot hold ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value as Record<string, unknown>).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  throw new TypeError(`canonicalJson cannot hold a ${typeof value}`);
}

/** SHA-256 over the canonical JSON of a value. */
export const hashValue = (value: unknown): string => hashText("sha256", canonicalJson(value));

/** 32 lower-case hex digits, the form of an MLflow run id. */
export const randomId = (): string => crypto.randomUUID().replaceAll("-", "");

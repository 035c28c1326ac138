/** Durations ("10m"), sizes ("2Gi") and shares ("20%") as people write them, into milliseconds, bytes and fractions. */

const DURATION_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const SIZE_BYTES: Record<string, number> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** "90s", "1.5h", "1h30m" → milliseconds; undefined when the text is not a duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    total += Number(amount) * DURATION_MS[unit!]!;
  }
  return total;
}

/** "2Gi", "500M", "1024" → bytes; undefined when the text is not a size. */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?B?$/.exec(text);
  return match ? Math.round(Number(match[1]) * SIZE_BYTES[match[2] ?? ""]!) : undefined;
}

/** "20%" → 0.2; undefined when the text is not a percentage. */
export function parseShare(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  return match ? Number(match[1]) / 100 : undefined;
}

/** 1234 → "1.2 s", 65000 → "1m 5s": for people, never parsed back. */
export function showDuration(durationMs: number): string {
  if (durationMs < 1) return `${durationMs.toFixed(2)} ms`;
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1000).toFixed(1)} s`;
  if (durationMs < 3_600_000) return `${Math.floor(durationMs / 60_000)}m ${Math.round((durationMs % 60_000) / 1000)}s`;
  if (durationMs < 86_400_000)
    return `${Math.floor(durationMs / 3_600_000)}h ${Math.round((durationMs % 3_600_000) / 60_000)}m`;
  return `${Math.floor(durationMs / 86_400_000)}d ${Math.round((durationMs % 86_400_000) / 3_600_000)}h`;
}

/** 1536 → "1.5 KiB": for people, never parsed back. */
export function showBytes(sizeBytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = sizeBytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

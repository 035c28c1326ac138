/** Timestamps in requests: ISO 8601 text or milliseconds since the epoch. */

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d{1,9})?))?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** Milliseconds since the epoch, UTC; text without a zone is UTC. NaN when the text is no such time. */
export function parseTimestamp(text: string): number {
  const match = ISO.exec(text);
  if (match === null) return Number.NaN;
  const [, date, minutes = "00:00", seconds = "00", zone = "Z"] = match;
  const zoneText = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  return Date.parse(`${date}T${minutes}:${seconds}${zoneText}`);
}

/**
 * The proleptic Gregorian calendar in UTC, from milliseconds since 1970 to year, month, day and ISO week, without Date
 * objects: one costs about ten times as much a value. Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", civil_from_days.
 */

export const DAY_MS = 86_400_000;

/** Whole days since 1970-01-01. */
export const dayNumber = (timeMs: number): number => Math.floor(timeMs / DAY_MS);

/** Monday is 1, Sunday 7 (ISO 8601). 1970-01-01 was a Thursday. */
export function isoWeekday(day: number): number {
  const shifted = day + 3;
  return shifted - 7 * Math.floor(shifted / 7) + 1;
}

/** Years are counted from March, so that the leap day is the last of its year. */
function marchYear(day: number): { year: number; dayOfYear: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  return { year: yearOfEra + era * 400, dayOfYear };
}

export function monthOf(day: number): number {
  const month = Math.floor((5 * marchYear(day).dayOfYear + 2) / 153);
  return month < 10 ? month + 3 : month - 9;
}

export function yearOf(day: number): number {
  const { year, dayOfYear } = marchYear(day);
  return dayOfYear >= 306 ? year + 1 : year;
}

export function dayOfMonth(day: number): number {
  const { dayOfYear } = marchYear(day);
  return dayOfYear - Math.floor((153 * Math.floor((5 * dayOfYear + 2) / 153) + 2) / 5) + 1;
}

/** Day number of the first of January. */
function newYear(year: number): number {
  const before = year - 1;
  return before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 719_162;
}

export const dayOfYear = (day: number): number => day - newYear(yearOf(day)) + 1;

/** ISO 8601 week: the week's Thursday decides its year. */
export function isoWeek(day: number): number {
  const thursday = day - isoWeekday(day) + 4;
  return Math.floor((thursday - newYear(yearOf(thursday))) / 7) + 1;
}

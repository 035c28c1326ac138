/** Functions of times. A time is milliseconds since 1970, UTC; nothing here knows a time zone. */

import type { ColumnType } from "../../../base/columns.ts";
import { DAY_MS, dayNumber, dayOfMonth, dayOfYear, isoWeek, isoWeekday, monthOf, yearOf } from "../calendar.ts";
import { type FeatureFunction, map1 } from "./define.ts";

const part = (
  name: string,
  about: string,
  sql: (t: string) => string,
  f: (timeMs: number) => number,
  gives: ColumnType = "number",
): FeatureFunction => ({
  name,
  takes: [{ name: "time", type: "timestamp" }],
  gives,
  about,
  sql: ([t]) => sql(t!),
  kernel: () => map1(f),
});

/** The remainder of a time in units of `unitMs`, up to `units`. Never negative, also before 1970. */
const cycleSql = (t: string, unitMs: number, units: number): string =>
  `floor(${t} / ${unitMs}) - ${units} * floor(${t} / ${unitMs * units})`;
const cycle = (unitMs: number, units: number) => (t: number) =>
  Math.floor(t / unitMs) - units * Math.floor(t / (unitMs * units));

const weekdaySql = (t: string): string =>
  `floor(${t} / ${DAY_MS}) + 3 - 7 * floor((floor(${t} / ${DAY_MS}) + 3) / 7) + 1`;
const calendarSql = (part: string) => (t: string) => `CAST(${part}(epoch_ms(CAST(${t} AS BIGINT))) AS DOUBLE)`;
const ofDay = (f: (day: number) => number) => (t: number) => f(dayNumber(t));

export const TIME_FUNCTIONS: FeatureFunction[] = [
  part("second", "0 to 59.", (t) => cycleSql(t, 1000, 60), cycle(1000, 60)),
  part("minute", "0 to 59.", (t) => cycleSql(t, 60_000, 60), cycle(60_000, 60)),
  part("hour", "0 to 23.", (t) => cycleSql(t, 3_600_000, 24), cycle(3_600_000, 24)),
  part("day_of_week", "Monday is 1, Sunday is 7 (ISO 8601).", weekdaySql, ofDay(isoWeekday)),
  part(
    "is_weekend",
    "True on Saturday and Sunday.",
    (t) => `(${weekdaySql(t)}) >= 6`,
    ofDay((day) => (Number.isNaN(day) ? day : isoWeekday(day) >= 6 ? 1 : 0)),
    "boolean",
  ),
  part("day_of_month", "1 to 31.", calendarSql("day"), ofDay(dayOfMonth)),
  part("day_of_year", "1 to 366.", calendarSql("dayofyear"), ofDay(dayOfYear)),
  part("week", "ISO 8601 week, 1 to 53.", calendarSql("weekofyear"), ofDay(isoWeek)),
  part("month", "1 to 12.", calendarSql("month"), ofDay(monthOf)),
  part(
    "quarter",
    "1 to 4.",
    calendarSql("quarter"),
    ofDay((day) => Math.ceil(monthOf(day) / 3)),
  ),
  part("year", "The calendar year.", calendarSql("year"), ofDay(yearOf)),
  part(
    "epoch",
    "Seconds since 1970-01-01 00:00 UTC.",
    (t) => `${t} / 1000`,
    (t) => t / 1000,
  ),
];

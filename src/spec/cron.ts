/** The one door to croner's reading of cron expressions: five fields (minute hour day month weekday) or @daily and the like, in UTC. */

import { Cron } from "croner";

/** Milliseconds since the epoch of the first time after `afterMs`; undefined when it never comes. Throws on bad syntax. */
export const nextScheduleMs = (expression: string, afterMs: number): number | undefined =>
  new Cron(expression, { mode: "5-part", utcOffset: 0, paused: true }).nextRun(new Date(afterMs))?.getTime();

/** What is wrong with a cron expression; undefined when nothing is. */
export function cronProblem(expression: string): string | undefined {
  if (!/^(@\w+|\S+(\s+\S+){4})$/.test(expression.trim())) return "does not have five fields";
  try {
    return nextScheduleMs(expression, 0) === undefined ? "names a time that never comes" : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `has an ${why
      .replace(/^CronPattern: /, "")
      .replace(/\.$/, "")
      .replace(/^Invalid/, "invalid")}`;
  }
}

/** Reading of what starts a retraining and of where alerts go. */

import { mendName } from "./nearest.ts";
import { isMapping } from "./path.ts";
import { cron, type Reader, show, text, wrong } from "./values.ts";

const TRIGGERS = ["drift", "performance", "new_data", "webhook"] as const;

export type RawTrigger = (typeof TRIGGERS)[number] | { schedule: string };

/** drift, performance, new_data, webhook, or { schedule: cron expression }. */
export const trigger: Reader<RawTrigger> = (value) => {
  const known = TRIGGERS.find((name) => name === value);
  if (known !== undefined) return { value: known };
  const keys = isMapping(value) ? Object.keys(value) : [];
  if (isMapping(value) && keys.length === 1 && keys[0] === "schedule") {
    const expression = cron(value.schedule);
    return "value" in expression
      ? { value: { schedule: expression.value } }
      : { wrong: expression.wrong.map((w) => ({ ...w, at: ["schedule"] })) };
  }
  if (value === "schedule") return wrong('"schedule" says no time', 'write { schedule: "0 2 * * 0" }');
  const name = typeof value === "string" ? value : (keys[0] ?? "");
  return wrong(`${show(value)} is not one of the triggers`, mendName(name, [...TRIGGERS, "schedule"], "triggers"));
};

/** An http(s) address; its $VARS are already replaced. Addresses are secrets, so a complaint shows only the beginning. */
export const alertUrl: Reader<string> = (value) => {
  const read = text(value);
  if ("wrong" in read) return read;
  return /^https?:\/\/[^\s/]+/.test(read.value) && URL.canParse(read.value)
    ? read
    : wrong(
        `${show(`${read.value.slice(0, 8)}…`)} is not an http(s) address`,
        "write the address, or $NAME of a variable that holds it",
      );
};

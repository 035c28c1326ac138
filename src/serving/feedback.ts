/**
 * POST /feedback: what turned out to be true, by prediction id.
 *
 *   { "id": "<request id>", "outcome": 1 }                    a request of one row, or "<request id>.<row>"
 *   { "id": "<request id>", "outcomes": [1, 0, …] }           every row of a request
 *   { "feedback": [{ "id": …, "outcome": … }, …] }            many at once; either form in each
 *
 * An outcome must be of the model's kind: one of its classes, or a finite number. Whether the id was ever given out is not
 * checked: the prediction may have been answered by another process; the monitor joins them.
 */

import { fail } from "../base/errors.ts";
import type { TrimtabFlavor } from "../spec/mlmodel.ts";
import type { OutcomeGroup } from "./capture.ts";
import type { Label } from "./predictions.ts";

const ID = /^([0-9A-Za-z_-]{1,64})(?:\.(\d{1,9}))?$/;

const refuse = (place: string, what: string, mend?: string) =>
  fail("REQUEST_INVALID", { what, place, ...(mend !== undefined && { mend }) });

/** The outcomes of a body, those of one request together. Throws REQUEST_INVALID naming the entry; nothing is taken then. */
export function parseFeedback(body: unknown, manifest: TrimtabFlavor): OutcomeGroup[] {
  const entries = listOf(body);
  const groups: OutcomeGroup[] = [];
  entries.forEach(([entry, place]) => {
    const group = parseEntry(entry, place, manifest);
    const last = groups.at(-1);
    if (last?.rows && group.rows && last.id === group.id) {
      last.rows.push(...group.rows);
      last.values.push(...group.values);
    } else groups.push(group);
  });
  return groups;
}

/** Entries with the place that a complaint names. */
function listOf(body: unknown): [entry: object, place: string][] {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw refuse("body", "the body is not a JSON object");
  if (!("feedback" in body)) return [[body, ""]];
  if (!Array.isArray(body.feedback) || body.feedback.length === 0)
    throw refuse("feedback", "feedback is not a list with entries");
  return body.feedback.map((entry: unknown, index): [object, string] => {
    const place = `feedback[${index}].`;
    if (typeof entry !== "object" || entry === null) throw refuse(place.slice(0, -1), "the entry is not an object");
    return [entry, place];
  });
}

function parseEntry(entry: object, place: string, manifest: TrimtabFlavor): OutcomeGroup {
  const { id, outcome, outcomes } = entry as Record<string, unknown>;
  const match = typeof id === "string" ? ID.exec(id) : null;
  if (!match) throw refuse(`${place}id`, "the id is not a prediction's", "send the id that the answer named");
  const [, request = "", row] = match;
  if (outcomes === undefined) {
    const value = toLabel(outcome, `${place}outcome`, manifest);
    return row === undefined ? { id: request, values: [value] } : { id: request, rows: [Number(row)], values: [value] };
  }
  if (outcome !== undefined) throw refuse(`${place}outcomes`, "there are outcome and outcomes", "send one of them");
  if (row !== undefined)
    throw refuse(`${place}id`, "the id names one row, and outcomes are for all rows", "send outcome");
  if (!Array.isArray(outcomes) || outcomes.length === 0)
    throw refuse(`${place}outcomes`, "outcomes is not a list with values");
  return {
    id: request,
    values: outcomes.map((value: unknown, i) => toLabel(value, `${place}outcomes[${i}]`, manifest)),
  };
}

function toLabel(value: unknown, place: string, { task, classes }: TrimtabFlavor): Label {
  if (value === undefined || value === null) throw refuse(place, "the outcome is missing");
  if (task === "regression") {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw refuse(place, `${JSON.stringify(value)} is not a finite number`);
  }
  const known = classes ?? [0, 1];
  const label = known.find(
    (one) => one === value || (typeof one !== "string" && typeof value !== "string" && Number(one) === Number(value)),
  );
  if (label === undefined)
    throw refuse(place, `${JSON.stringify(value)} is none of the classes`, `send one of ${known.join(", ")}`);
  return label;
}

/** That something was moved in or out, by whom and how much: one event a transfer. */

import type { Life } from "../context.ts";
import type { TransferCounts } from "./import-context.ts";

/** `place`: the other store, without credentials. */
export function noteTransfer(
  life: Pick<Life, "event">,
  kind: "import.done" | "export.done",
  place: string,
  counts: TransferCounts,
): Promise<void> {
  const data = { ...counts, left: counts.left.length };
  return life.event({
    kind,
    subject: "store/mlflow",
    reason: `${kind === "import.done" ? "from" : "to"} ${place}`,
    data,
  });
}

/** Fitted features as SQL over any rows that have the inputs: the training path, for checking and for batch work. */

import type { FittedFeatures } from "./fitted.ts";
import { programSql, type SelectOptions, type Source } from "./sql.ts";

/**
 * A SELECT with the output columns in their order, then the `carry` columns as they are, rows in the order of the scan.
 * Windows see the scan's own rows only. `columns`, when known, turns a missing or changed column into DATA_COLUMN.
 */
export function featuresSql(
  fitted: FittedFeatures,
  scan: string,
  options: { carry?: readonly string[]; columns?: Source["columns"]; where?: SelectOptions["where"] } = {},
): string {
  const selected = [
    ...fitted.outputs.map((as, i) => ({ as, node: fitted.roots[i]! })),
    ...(options.carry ?? []).map((name) => ({ as: name, raw: name })),
  ];
  const source: Source = options.columns ? { scan, columns: options.columns } : { scan };
  return programSql(fitted.program, source, selected, { where: options.where });
}

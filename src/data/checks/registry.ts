/** Every expectation that can be checked. A new one is a file of its family and a line here. */

import { AGGREGATE_CHECKS } from "./aggregate.ts";
import type { CheckDefinition } from "./check.ts";
import { DISTINCT_CHECKS } from "./distinct.ts";
import { DIVERGENCE_CHECKS } from "./divergence.ts";
import { NULL_CHECKS } from "./nulls.ts";
import { ORDER_CHECKS } from "./order.ts";
import { QUANTILE_CHECKS } from "./quantile.ts";
import { QUERY_CHECKS } from "./query.ts";
import { SEVERAL_CHECKS } from "./several.ts";
import { TABLE_CHECKS } from "./table.ts";
import { TEXT_CHECKS } from "./text.ts";
import { TYPE_CHECKS } from "./types.ts";
import { UNIQUE_CHECKS } from "./unique.ts";
import { VALUE_CHECKS } from "./values.ts";

export const CHECKS: ReadonlyMap<string, CheckDefinition> = new Map(
  [
    ...TABLE_CHECKS,
    ...NULL_CHECKS,
    ...UNIQUE_CHECKS,
    ...TYPE_CHECKS,
    ...VALUE_CHECKS,
    ...TEXT_CHECKS,
    ...ORDER_CHECKS,
    ...SEVERAL_CHECKS,
    ...AGGREGATE_CHECKS,
    ...QUANTILE_CHECKS,
    ...DISTINCT_CHECKS,
    ...DIVERGENCE_CHECKS,
    ...QUERY_CHECKS,
  ].map((check) => [check.type, check]),
);

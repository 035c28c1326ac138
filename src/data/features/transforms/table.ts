/** Every transform, in the order in which those of one group apply. One line each to register. */

import type { Transform } from "./define.ts";
import { IMPUTE } from "./impute.ts";
import { ONE_HOT } from "./one-hot.ts";
import { ORDINAL } from "./ordinal.ts";
import { SCALE } from "./scale.ts";
import { TARGET_MEAN } from "./target-mean.ts";

const ALL: Transform[] = [IMPUTE, ONE_HOT, ORDINAL, TARGET_MEAN, SCALE];

export const TRANSFORMS: ReadonlyMap<string, Transform> = new Map(ALL.map((t) => [t.key, t]));

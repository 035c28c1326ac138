/** features.yaml from text to a FeatureSpec. */

import { readGroups } from "./read-groups.ts";
import { readSpec } from "./read-spec.ts";
import { readWindows } from "./read-windows.ts";
import type { FeatureSpec } from "./spec.ts";

/** Throws TrimtabErrors with every complaint (FEATURES_INVALID, SPEC_SYNTAX); `file` is the name that they show. */
export const parseFeatures = (text: string | Uint8Array, file: string): FeatureSpec =>
  readSpec(text, file, { groups: readGroups, windows: readWindows });

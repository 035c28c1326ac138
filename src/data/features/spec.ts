/** A parsed features.yaml: what the file says, before any data is seen. `place` is "file:line path", for complaints. */

import type { Tree } from "./expressions/parse.ts";
import type { OptionValues } from "./transforms/define.ts";
import type { WindowFrame } from "./windows.ts";

export interface FeatureSpec {
  file: string;
  /** The column with the event time. */
  time?: Named;
  target?: { name: string; expression: Expression };
  /** Rows that are left out of training and of windows where this is not true. */
  where?: Expression;
  derive: ReadonlyMap<string, Expression>;
  windows: ReadonlyMap<string, WindowSpec>;
  groups: GroupSpec[];
  /** Columns carried into the training file beside the features. */
  keep: Named[];
  remainder: "drop" | "passthrough";
  /** Prefix output names with `<group>__`. */
  verboseNames: boolean;
}

export interface Named {
  name: string;
  place: string;
}

export interface Expression {
  text: string;
  tree: Tree;
  place: string;
}

export interface WindowSpec extends Named {
  entity: Named[];
  /** The file's `time` where the window names none. */
  order: Named;
  /** What is aggregated. */
  of: Expression;
  frame: WindowFrame;
}

export interface GroupSpec extends Named {
  columns: Named[];
  /** Transforms in the order in which they apply: impute, encode, scale. */
  transforms: { key: string; options: OptionValues; place: string }[];
}

/** Every command, in the order in which help and docs/cli.md show them. */

import type { CommandGroup } from "./command.ts";
import { helpGroup } from "./help.ts";
import { initGroup } from "./init.ts";

export const COMMANDS: readonly CommandGroup[] = [initGroup, helpGroup];

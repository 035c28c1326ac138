/** Every command, in the order in which help and docs/cli.md show them. */

import type { CommandGroup } from "./command.ts";
import { dataGroup } from "./data.ts";
import { doctorGroup } from "./doctor.ts";
import { helpGroup } from "./help.ts";
import { initGroup } from "./init.ts";
import { modelsGroup } from "./models.ts";
import { projectsGroup } from "./projects.ts";
import { rolloutGroup } from "./rollout.ts";
import { runGroup } from "./run.ts";
import { runsGroup } from "./runs.ts";
import { serveGroup } from "./serve.ts";
import { tokensGroup } from "./tokens.ts";
import { trackedGroup } from "./tracked.ts";
import { transferGroup } from "./transfer.ts";
import { webhooksGroup } from "./webhooks.ts";

export const COMMANDS: readonly CommandGroup[] = [
  initGroup,
  runGroup,
  serveGroup,
  modelsGroup,
  rolloutGroup,
  runsGroup,
  projectsGroup,
  dataGroup,
  trackedGroup,
  transferGroup,
  tokensGroup,
  webhooksGroup,
  doctorGroup,
  helpGroup(() => COMMANDS),
];

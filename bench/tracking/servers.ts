/** The two servers that are measured, each a process of its own on a fresh folder. */

import { startOurs } from "../../test/mlflow/ours.ts";
import { startReference } from "../../test/mlflow/reference.ts";

export interface Measured {
  name: string;
  url: string;
  /** From the start of the process to the first answer of /health. */
  startMs: number;
  /** Root of the server's processes. */
  pid: number;
  stop(): Promise<void>;
}

/** The control process of `trimtab up`. */
export const startTrimtab = async (): Promise<Measured> => ({ name: "Trimtab", ...(await startOurs()) });

/** The real MLflow server with one worker: more of them take more memory and, on two cores, give no more. */
export const startMlflow = async (python: string): Promise<Measured> => ({
  name: "MLflow",
  ...(await startReference(python)),
});

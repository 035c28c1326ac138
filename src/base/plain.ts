/** Text from elsewhere (what a step prints, a name that a client chose) as a person may be shown it: it cannot steer a terminal. */

/** Without colours and controls; of a line that was written over, as by a progress bar, what was there last. */
export const plain = (text: string): string =>
  Bun.stripANSI(text)
    .split("\n")
    .map((line) => line.trimEnd().split("\r").at(-1)!)
    .join("\n")
    .replace(CONTROLS, "");

const CONTROLS = /[^\P{Cc}\n\t]/gu;

/**
 * Loaded before every test file. Property tests choose new examples in each run; a failure prints its seed. In CI the seed is
 * fixed, so that a change is judged by the change; TRIMTAB_SEED repeats any other.
 */

import fc from "fast-check";

const CI_SEED = 2001;
const given = process.env.TRIMTAB_SEED ?? (process.env.CI === "true" ? String(CI_SEED) : undefined);
if (given !== undefined) fc.configureGlobal({ seed: Number(given) });

/** The switch of every automation: TRIMTAB_AUTOMATE_<NAME>=false leaves its decision to a person. */

export type Automation = "retrain" | "gate" | "deploy";

/** On unless the environment says false, 0, no or off. */
export const automationOn = (env: Record<string, string | undefined>, name: Automation): boolean =>
  !/^(false|0|no|off)$/i.test((env[`TRIMTAB_AUTOMATE_${name.toUpperCase()}`] ?? "").trim());

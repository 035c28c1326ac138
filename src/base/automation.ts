/** The switch of every automation: TRIMTAB_AUTOMATE_<NAME>=false leaves its decision to a person. */

const AUTOMATIONS = ["retrain", "gate", "deploy"] as const;
export type Automation = (typeof AUTOMATIONS)[number];

const switchOf = (name: Automation): string => `TRIMTAB_AUTOMATE_${name.toUpperCase()}`;
export const SWITCHES: readonly string[] = AUTOMATIONS.map(switchOf);

/** False for a word that says neither on nor off. */
export const isSwitchWord = (word: string): boolean => /^(true|1|yes|on|false|0|no|off|)$/i.test(word.trim());

/** On unless the environment says false, 0, no or off. */
export const automationOn = (env: Record<string, string | undefined>, name: Automation): boolean =>
  !/^(false|0|no|off)$/i.test((env[switchOf(name)] ?? "").trim());

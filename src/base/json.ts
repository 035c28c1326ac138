/** JSON for who reads our answers: it has no NaN and no infinities, so they are spelled, as MLflow's clients spell them too. */

const spelled = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

export const toJson = (value: unknown, indent?: number): string => JSON.stringify(value, spelled, indent);

/** Keys of DVC and of habit that are not ours: what to write instead. They are refused, never ignored. */

/** Key → mend, at the top of the file. */
export const TOP_HINTS: Record<string, string> = {
  stages: "put DVC's stages under steps:",
  vars: "put the values under params: of the steps that use them, or in params.yaml, and name them there",
  params: "put params: under the step that uses them",
  metrics: "name metric files under metrics: of the step that writes them",
  plots: "name plot files under plots: of the step that writes them",
  artifacts: "remove it; versions are registered by the gate, and model: names the model",
  deployment: "write deploy:",
  name: "write model: with the model's name",
  pipeline: "write steps:",
};

/** Key → mend, inside a step. */
export const STEP_HINTS: Record<string, string> = {
  frozen: "remove it; a step whose inputs did not change is not run again anyway",
  foreach: "write matrix:, or grid: for a search",
  do: "write matrix:, or grid: for a search",
  vars: "write params:",
  command: "write cmd:",
  run: "write cmd:",
  script: "write cmd:",
  expectations: "write expect:",
  timeout: "write resources: { timeout: … }",
  memory: "write resources: { memory: … }",
  cpus: "write resources: { cpus: … }",
  retries: "write retry: { attempts: … }",
  environment: "write env: with a list of names of variables",
  depends_on: "write deps: with the files that the other step writes",
  needs: "write deps: with the files that the other step writes",
  holdout: "write split: { holdout: … }",
};

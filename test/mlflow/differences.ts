/**
 * Where we differ from MLflow's server on purpose. Each entry names steps of test/mlflow/scenarios, what we answer there and
 * why; a test fails for a difference that is not listed and for an entry that no longer differs. docs/mlflow.md tells users.
 */

export interface Deliberate {
  scenario: string;
  /** Step → what our server answers. */
  ours: Record<string, unknown>;
  why: string;
}

const refused = { refused: "INVALID_PARAMETER_VALUE" };
const refusedAt = { status: 400, code: "INVALID_PARAMETER_VALUE", message: true };

export const DELIBERATE: readonly Deliberate[] = [
  {
    scenario: "search_runs",
    ours: {
      "bad filter params.lr = '0.1' AND": refused,
      "bad filter AND params.lr = '0.1'": refused,
      "bad filter params. = 'x'": refused,
      "bad filter params.lr = '0.1' params.opt = 'a'": refused,
      "bad filter metrics.acc > 0.8 AND AND metrics.acc < 1": refused,
    },
    why: "half of a filter is a mistake; MLflow drops what it cannot read and answers with other runs than were asked for",
  },
  {
    scenario: "experiments",
    ours: { "bad search name = 'a' AND": refused },
    why: "as for runs: half of a filter is a mistake",
  },
  {
    scenario: "registry",
    ours: { "bad models name = 'find a' AND": refused },
    why: "as for runs: half of a filter is a mistake",
  },
  {
    scenario: "logged_models",
    ours: {
      "bad filter name = 'a' AND": refused,
      "bad filter params.depth = 3": refused,
      "bad filter artifact_location = 'x'": refused,
    },
    why: "as for runs; params are text, and a location cannot be searched for",
  },
  {
    scenario: "traces",
    ours: { "bad filter timestamp_ms = 'x'": refused },
    why: "a time is a number",
  },
  {
    scenario: "traces",
    ours: { "bad filter name RLIKE '['": refused },
    why: "what is no pattern is a mistake; MLflow finds nothing by it",
  },
  {
    scenario: "registry",
    ours: { "models by ['attribute.name DESC']": ["find c", "find b", "find a", "Find d"] },
    why: "`attribute.` may stand before an attribute in every filter and order",
  },
  {
    scenario: "registry",
    ours: {
      "models by ['name', 'name DESC']": ["Find d", "find a", "find b", "find c"],
      "versions by ['name', 'name']": [
        ["Find d", "1"],
        ["find a", "3"],
        ["find a", "2"],
        ["find a", "1"],
        ["find b", "1"],
        ["find c", "1"],
      ],
    },
    why: "a key that is ordered by twice counts once; MLflow breaks down",
  },
  {
    scenario: "registry",
    ours: { "a new model of that name starts at": "5" },
    why: "a version's number is never used again, also not after its model was deleted and made anew",
  },
  {
    scenario: "experiments",
    ours: { "renamed to a name that is taken": { refused: "RESOURCE_ALREADY_EXISTS" } },
    why: "the code that creating such an experiment gives says what is wrong",
  },
  {
    scenario: "logged_models",
    ours: { "a param changed": refused },
    why: "the code that changing a run's param gives says what is wrong",
  },
  {
    scenario: "logged_models",
    ours: { "with a dataset": ["a", "b"] },
    why: "a dataset without a digest means every digest of that name; MLflow finds nothing",
  },
  {
    scenario: "artifacts",
    ours: { "odd name 'back\\\\slash.txt'": { refused: "HTTPError" } },
    why: "a backslash parts folders on other systems",
  },
  {
    scenario: "wire",
    ours: {
      "GET with a body": refusedAt,
      "a metric with value True": refusedAt,
      "a metric with timestamp 1.5": refusedAt,
      "a metric with step 1.5": refusedAt,
      'a batch of {"metrics": [{"key": "a", "value": "b", "timestamp": 1, "step": 0}]}': refusedAt,
    },
    why: "a value of another type is refused, not cut or made into 0 or 1",
  },
  {
    scenario: "wire",
    ours: { "nothing of it was logged": { status: 200, shows: [3, 0] } },
    why: "of the metrics above, only the three that are right were logged",
  },
  {
    scenario: "wire",
    ours: { "get a folder": { status: 404, code: "RESOURCE_DOES_NOT_EXIST", message: true } },
    why: "there is no file of that name",
  },
  {
    scenario: "wire",
    ours: {
      "PUT ../x": 200,
      "DELETE ../x": 200,
      "PUT %2e%2e/x": 200,
      "DELETE %2e%2e/x": 200,
    },
    why: "HTTP resolves dots in a path before anyone sees it; it lands inside the artifacts",
  },
  {
    scenario: "wire",
    ours: {
      "PUT a%5C..%5C..%5Cx": "refused",
      "DELETE a%5C..%5C..%5Cx": "refused",
      "PUT a%00b": "refused",
      "DELETE a%00b": "refused",
      "DELETE %2fetc%2fpasswd": "refused",
    },
    why: "a path that another system or program could read differently is refused",
  },
];

/** docs/mlflow.md: what of MLflow is spoken, call by call, made from the table of routes. */

import type { Fields } from "./fields.ts";
import type { Route } from "./route.ts";
import { ROUTE_GROUPS, type RouteGroup } from "./table.ts";

const INTRO = `# MLflow

Made from the code by \`npm run docs\`.

Trimtab's server is an MLflow tracking server and model registry to every client of MLflow 2 and 3:

\`\`\`
trimtab up                   # beside a pipeline.yaml; in any other folder: trimtab up --tracking
export MLFLOW_TRACKING_URI=http://localhost:5000
\`\`\`

Nothing in the training code changes. Runs, metrics, artifacts, models, aliases and traces are kept in \`.trimtab\`; model
versions that Trimtab publishes are downloaded with \`models:/name/1\`, \`models:/name@alias\` and \`models:/name/latest\` too.

## What is deliberately different

- **Nothing is half-done.** A batch is logged whole or not at all; an uploaded file appears whole or not at all.
- **Numbers of versions are never given twice**, not even when a model is deleted and its name comes back.
- **Pages go on from a position, not from an offset**: the thousandth costs what the first does, and what is added meanwhile
  neither repeats nor hides anything. A page token is refused with another query.
- **What cannot be meant is refused.** A filter that begins or ends with \`AND\`, \`true\` for a number, a fraction for a step:
  \`INVALID_PARAMETER_VALUE\` with the part that is wrong. MLflow's server accepts or ignores some of these, and answers others
  with 500, which makes its client try again for minutes.
- **NaN is not 0.** In filters it meets no comparison but \`!=\`.
- **Spans come as OTLP** from clients since 3.4 and from any OpenTelemetry exporter (\`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:5000/v1/traces\`,
  protocol \`http/protobuf\` or \`http/json\`, header \`x-mlflow-experiment-id\`), one by one as they end: a trace of several processes is one, and what a dying
  process had done is there. Traces are searched by their spans (\`span.name\`, \`span.type\`, \`span.status\`, \`span.content LIKE\`, \`span.attributes.x\`); all of these in
  one filter are about one span. Older clients upload spans as an artifact, which they and all newer clients read; filters do not see into it,
  and those clients do not see spans that came as OTLP.
- **Traces are found by what was said of them**: \`feedback.tone = 'kind'\`, \`feedback.score > 0.8\`, \`expectation.answer LIKE 'B%'\`, \`feedback.tone IS NULL\`. Texts are
  compared as they are, where MLflow's server has quotes around them in \`LIKE\`; all other values as JSON, \`'true'\` or \`'0.5'\`.
  \`RLIKE\` takes RE2's regular expressions, whose cost is bounded: no look-around and no back references, and what is no pattern is
  refused, not ignored.
- **Range requests and uploads in parts work on local disk.** \`MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true\` (from 500 MB, or
  \`MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE\`) and \`MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD=true\` work as with an object store: behind a
  proxy that bounds the size of a request, and where a broken connection should cost one part. Parts may come again and in any
  order; a finished upload may be finished again; one that nobody finishes is forgotten after a day. Whoever sends parts needs the
  same token as for any upload.
- **A file of any size costs the server no memory**, up or down, and what a dying client or a killed server left of one is swept.
- **Who was let in when an upload began is asked again when it ends**: a token that was revoked meanwhile uploads nothing.
- **Workspaces divide experiments, not models**: see below.
- **Only what is below exists.** Other calls of MLflow (gateway, scorers, evaluation datasets, prompt optimisation) are
  answered with 404 \`ENDPOINT_NOT_FOUND\`, on which clients fall back or say so.

## Registering a version starts the gate

A version that a client registers of a model whose \`pipeline.yaml\` has a \`gate\` and is looked after by \`trimtab up\` meets that gate
by itself, with the trigger \`registry\`:

\`\`\`python
info = mlflow.sklearn.log_model(model, name="model", signature=infer_signature(X, y))
mlflow.register_model(info.model_uri, "flight-delay")       # judged within seconds, deployed when it passes
\`\`\`

Its files (any flavour with an MLmodel and a signature of named columns: sklearn, xgboost, lightgbm, onnx, pyfunc) are copied to a
folder of their own, measured beside the champion on the pipeline's holdout by the runtime that would serve them, and the verdict
is recorded with its evidence. What passes is deployed as the pipeline says. The signature says what the model takes: names of the
pipeline's features (then Trimtab computes these for it), or columns of the raw data.

- Every version is judged once, oldest first; \`trimtab gate 7 --again\` repeats it. Older versions than the last that passed are not.
- A version whose files are not in this server's artifacts, or that cannot be loaded (the folder's \`.venv\` lacks a package), is
  refused, and the verdict says why. When it could not be judged for another reason (the pipeline has not run yet, so there is no
  holdout), that is a failed job with an alert; \`trimtab gate 7\` tries again.
- A pyfunc of one's own that answers labels has no probabilities, so a gate on \`roc_auc\` or \`log_loss\` refuses it. For sklearn,
  xgboost and lightgbm the library's own \`predict_proba\` is asked.
- Nobody but the trainer knows which rows a model was trained on: keep the holdout out of them.
- Who may register a version of such a model may run code on this machine, as a pickle does when it is loaded.
- \`TRIMTAB_AUTOMATE_GATE=false\` leaves it to a person: \`trimtab gate 7\`, \`trimtab deploy 7\`.

Where \`deploy.approve\` is true, what passes waits for \`trimtab rollout approve\`, and clients may neither move the alias \`champion\`
nor the stage \`Production\`, except to the version that serves, nor take the champion or the model's name away: 403
\`PERMISSION_DENIED\`. Other aliases and stages are free.
Without it these are labels like any other: they say nothing about what Trimtab serves, and the next deployment sets \`champion\` anew.

## What serves a model folder

| flavour | served by | the serving Python needs |
| --- | --- | --- |
| onnx | the ONNX runtime | no Python |
| sklearn, pickled or cloudpickled (MLflow 2's format) | the Python runtime | scikit-learn |
| sklearn and lightgbm's classes in skops' format (MLflow 3's) | the Python runtime | skops and the library |
| xgboost | the Python runtime | xgboost |
| lightgbm's plain booster, or its classes pickled | the Python runtime | lightgbm |
| pyfunc (an own class with its artifacts), any other | mlflow in the Python runtime | mlflow and what the model imports |

A package that is missing is named when the model is loaded, with the \`pip install\` that mends it, and nothing is deployed.

## Projects

An experiment's project is the part of its name before the slash: \`team-a/churn\` is the experiment \`churn\` of project \`team-a\`. So every
client of every version has projects, and \`name LIKE 'team-a/%'\` finds what is in one. Clients of MLflow 3 that know workspaces have them
without a prefix:

\`\`\`
export MLFLOW_WORKSPACE=team-a      # or mlflow.set_workspace("team-a")
\`\`\`

makes \`mlflow.set_experiment("churn")\` mean \`team-a/churn\`, and lists show only what is in the project, under its short name. The workspace
\`default\` holds the experiments that are in no project. A project is there as soon as an experiment is in it; it has no settings of its
own, and the registry is one for all: roles for models are given model by model. An experiment, a run or a trace that is named by its id is
found from every workspace; who may see it is for roles to say, also in a whole project (\`--project team-a=editor\` below).

\`\`\`
trimtab projects list
trimtab projects move churn flights --to team-a
trimtab runs search "metrics.f1 > 0.8" --project team-a
\`\`\`

A pipeline's experiment may be moved like any other; its next runs go on there.

## Moving in and out

\`\`\`
trimtab import mlflow http://mlflow.internal:5000     # a server, 2.x or 3.x
trimtab import mlflow ../old/mlflow.db                # or its SQLite file, read directly
trimtab import mlflow ./mlruns                        # or its folder, what MLflow 2 writes when nobody tells it where
trimtab export mlflow https://mlflow.example.org      # and back
\`\`\`

An import brings experiments, runs with their whole history, datasets, logged models, traces with their spans, artifacts, prompts and
the registry; runs and traces keep their ids and versions their numbers. It may be stopped and begun again; a later one brings what has
changed there since. What is here under the same name stays: a version whose number is taken, or an alias that stands elsewhere, is
named and left. Artifacts that clients fetch from object stores themselves stay where they are. Assessments of traces do not come from
a SQLite file.

An export writes active experiments, runs, logged models, traces and the registry. The other server gives ids and numbers of its own, so
each carries the tag \`trimtab.exported_from\`. By it a second export finds what the first made and makes it follow: names, descriptions,
tags, stages and aliases, and what was deleted here (runs, experiments, logged models, versions; not single files, traces or whole models). A run
that was moved is made anew. What others have added over there stays theirs. A server of MLflow 2 has no logged models: versions of
them get copies of their files.

## Who may do what

The server is open to all who reach it until the first token is made; from then on everybody needs one.

\`\`\`
trimtab token create ann --role admin
trimtab token create ci --role none --experiment flights=editor --expires 90d
trimtab token create eve --role viewer --project team-a=editor
export MLFLOW_TRACKING_TOKEN=trimtab_…                # or MLFLOW_TRACKING_USERNAME=ci and MLFLOW_TRACKING_PASSWORD=trimtab_…
\`\`\`

A viewer reads, an editor also writes, an admin also deletes experiments and models. A role may hold everywhere, in one
project (its experiments now and later), in one experiment or for one model; lists show only what one may see. What is done is noted in the journal with who did it.

## Being told what happens

\`\`\`
trimtab webhook add https://ci.example.org/hook --on 'version.*' --on alias.set --secret '$HOOK_SECRET'
trimtab webhook log 3f2a
\`\`\`

The server sends events of its journal as JSON in MLflow's envelope, signed as MLflow signs (\`X-MLflow-Signature\`), at least once:
up to 8 times with waits that double from 10 seconds, also across restarts; a receiver tells repetitions by \`X-MLflow-Delivery-Id\`.
Any kind of the journal may be asked for (\`run.ended\`, \`version.stage\`, \`gate.refused\`, \`deployment.*\`, …; \`trimtab events\` shows
them); MLflow's own \`create_webhook\` knows models, versions, their tags and aliases, and does not see webhooks that only ask for others.
\`trimtab webhook test\` sends a made-up event at once.

Only public https addresses are called, unless \`TRIMTAB_WEBHOOKS_PRIVATE=allow\`: a name is looked up again for every delivery, and
the call goes to the address that was looked at, past any proxy; redirects are not followed. A secret written as \`$NAME\` is read from
the server's environment; another stands in the database as it is.

## The calls

Every call stands below \`/api/\` and, for browsers, below \`/ajax-api/\`. Fields with a star are required.
`;

const fieldNames = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, field]) => `\`${name}\`${field.required ? "*" : ""}`)
    .join(", ");

function routeRow(route: Route, group: RouteGroup): string {
  const path = (group.below === "api" ? `/api/${route.version}.0` : "") + route.path;
  const says = route.differs ? `${route.says} *Differs:* ${route.differs}` : route.says;
  return `| ${route.methods.join(", ")} | \`${path}\` | ${fieldNames(route.fields)} | ${says.replaceAll("|", "\\|")} |`;
}

/** The whole page. */
export function mlflowPage(): string {
  const parts = ROUTE_GROUPS.map((group) =>
    [
      `### ${group.title}`,
      "",
      "| method | path | fields | what it does |",
      "| --- | --- | --- | --- |",
      ...group.routes.map((route) => routeRow(route, group)),
      "",
    ].join("\n"),
  );
  return `${[INTRO, ...parts].join("\n").trimEnd()}\n`;
}

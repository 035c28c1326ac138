CREATE TABLE experiments (
  experiment_id $identity,
  name $text NOT NULL UNIQUE,
  artifact_location $text NOT NULL,
  lifecycle $text NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT
);
CREATE INDEX experiments_created ON experiments (created_ms DESC, experiment_id);
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle, created_ms, updated_ms)
VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 0, 0);

CREATE TABLE experiment_tags (
  experiment_id BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (experiment_id, key)
)$clustered;

-- seq stands for the run in every other table: an eighth of the space of its 32 letters in tens of millions of rows.
CREATE TABLE runs (
  seq $identity,
  run_id $text NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL,
  name $text NOT NULL,
  user_id $text NOT NULL,
  status $text NOT NULL,
  start_ms BIGINT NOT NULL,
  end_ms BIGINT,
  artifact_uri $text NOT NULL,
  lifecycle $text NOT NULL,
  deleted_ms BIGINT
);
-- Each holds all that a search without other filters needs, in its whole order.
CREATE INDEX runs_start ON runs (experiment_id, start_ms DESC, run_id, lifecycle);
CREATE INDEX runs_end ON runs (experiment_id, end_ms, start_ms DESC, run_id, lifecycle);
CREATE INDEX runs_name ON runs (experiment_id, name, start_ms DESC, run_id, lifecycle);
CREATE INDEX runs_status ON runs (experiment_id, status, start_ms DESC, run_id, lifecycle);

-- The whole history. is_nan: value is NaN (and stored as 0). Clustered in the order in which history is read.
CREATE TABLE metrics (
  run_seq BIGINT NOT NULL,
  key $text NOT NULL,
  timestamp_ms BIGINT NOT NULL,
  step BIGINT NOT NULL,
  value $float NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run_seq, key, timestamp_ms, step, value, is_nan)
)$clustered;

-- For each run and key the point with the greatest (step, timestamp, value). experiment_id is the run's, repeated for the search.
CREATE TABLE latest_metrics (
  run_seq BIGINT NOT NULL,
  key $text NOT NULL,
  experiment_id BIGINT NOT NULL,
  value $float NOT NULL,
  is_nan INTEGER NOT NULL,
  timestamp_ms BIGINT NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_seq, key)
)$clustered;
CREATE INDEX latest_metrics_value ON latest_metrics (experiment_id, key, is_nan, value, run_seq);

-- Only the first 200 letters are in an index: values may be longer than an index entry may.
CREATE TABLE params (
  run_seq BIGINT NOT NULL,
  key $text NOT NULL,
  experiment_id BIGINT NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (run_seq, key)
)$clustered;
CREATE INDEX params_value ON params (experiment_id, key, substr(value, 1, 200), run_seq);

CREATE TABLE run_tags (
  run_seq BIGINT NOT NULL,
  key $text NOT NULL,
  experiment_id BIGINT NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (run_seq, key)
)$clustered;
CREATE INDEX run_tags_value ON run_tags (experiment_id, key, substr(value, 1, 200), run_seq);

-- Datasets as runs name them: one row for each name and digest in an experiment.
CREATE TABLE run_datasets (
  seq $identity,
  experiment_id BIGINT NOT NULL,
  name $text NOT NULL,
  digest $text NOT NULL,
  source_type $text NOT NULL,
  source $text NOT NULL,
  schema_json $text,
  profile_json $text,
  UNIQUE (experiment_id, name, digest)
);

-- tags is JSON [{key, value}]; context is the tag mlflow.data.context.
CREATE TABLE run_inputs (
  run_seq BIGINT NOT NULL,
  dataset_seq BIGINT NOT NULL,
  context $text NOT NULL,
  tags $text NOT NULL,
  PRIMARY KEY (run_seq, dataset_seq)
)$clustered;
CREATE INDEX run_inputs_dataset ON run_inputs (dataset_seq, run_seq);

-- direction: "input" or "output".
CREATE TABLE run_models (
  run_seq BIGINT NOT NULL,
  direction $text NOT NULL,
  model_id $text NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_seq, direction, model_id)
)$clustered;

CREATE TABLE logged_models (
  seq $identity,
  model_id $text NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL,
  name $text NOT NULL,
  artifact_uri $text NOT NULL,
  status $text NOT NULL,
  model_type $text NOT NULL,
  source_run_id $text NOT NULL,
  lifecycle $text NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT
);
CREATE INDEX logged_models_created ON logged_models (experiment_id, created_ms DESC, model_id);
CREATE INDEX logged_models_run ON logged_models (source_run_id);

CREATE TABLE logged_model_params (
  model_seq BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (model_seq, key)
)$clustered;

CREATE TABLE logged_model_tags (
  model_seq BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (model_seq, key)
)$clustered;

CREATE TABLE logged_model_metrics (
  model_seq BIGINT NOT NULL,
  key $text NOT NULL,
  timestamp_ms BIGINT NOT NULL,
  step BIGINT NOT NULL,
  run_id $text NOT NULL,
  value $float NOT NULL,
  is_nan INTEGER NOT NULL,
  dataset_name $text NOT NULL,
  dataset_digest $text NOT NULL,
  PRIMARY KEY (model_seq, key, timestamp_ms, step, run_id)
)$clustered;

CREATE TABLE registered_models (
  name $text PRIMARY KEY,
  description $text,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

-- Outlives the model: a number that was given once is never given again, also after a deletion or a crash.
CREATE TABLE version_numbers (
  name $text PRIMARY KEY,
  last BIGINT NOT NULL
);

CREATE TABLE registered_model_tags (
  name $text NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (name, key)
)$clustered;

-- folder: relative to the folder of models, for versions that Trimtab published; storage_uri: where the bytes are.
CREATE TABLE model_versions (
  name $text NOT NULL,
  version BIGINT NOT NULL,
  source $text NOT NULL,
  storage_uri $text NOT NULL,
  folder $text,
  run_id $text,
  run_link $text,
  model_id $text,
  description $text,
  user_id $text,
  status $text NOT NULL,
  status_message $text,
  stage $text NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT,
  PRIMARY KEY (name, version)
);
CREATE INDEX model_versions_run ON model_versions (run_id);
CREATE INDEX model_versions_updated ON model_versions (updated_ms DESC, name, version DESC);

CREATE TABLE model_version_tags (
  name $text NOT NULL,
  version BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (name, version, key)
)$clustered;

CREATE TABLE model_aliases (
  name $text NOT NULL,
  alias $text NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (name, alias)
)$clustered;
CREATE INDEX model_aliases_version ON model_aliases (name, version);

-- What the gate said, with its evidence: verdict is the JSON of registry/gate.ts.
CREATE TABLE verdicts (
  seq $identity,
  name $text NOT NULL,
  version BIGINT,
  champion BIGINT,
  run_id $text,
  pass INTEGER NOT NULL,
  verdict $text NOT NULL,
  created_ms BIGINT NOT NULL
);
CREATE INDEX verdicts_name ON verdicts (name, seq);

CREATE TABLE traces (
  seq $identity,
  trace_id $text NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL,
  request_ms BIGINT NOT NULL,
  duration_ms BIGINT,
  state $text NOT NULL,
  client_request_id $text,
  request_preview $text,
  response_preview $text
);
CREATE INDEX traces_time ON traces (experiment_id, request_ms DESC, trace_id);

CREATE TABLE trace_tags (
  trace_seq BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (trace_seq, key)
)$clustered;

CREATE TABLE trace_metadata (
  trace_seq BIGINT NOT NULL,
  key $text NOT NULL,
  value $text NOT NULL,
  PRIMARY KEY (trace_seq, key)
)$clustered;

-- Runs that a trace belongs to: the one it began in, and those it was linked to.
CREATE TABLE trace_runs (
  trace_seq BIGINT NOT NULL,
  run_id $text NOT NULL,
  PRIMARY KEY (trace_seq, run_id)
)$clustered;
CREATE INDEX trace_runs_run ON trace_runs (run_id, trace_seq);

-- content is the protocol's own JSON. The spans of a trace are an artifact.
CREATE TABLE trace_assessments (
  trace_seq BIGINT NOT NULL,
  assessment_id $text NOT NULL,
  created_ms BIGINT NOT NULL,
  content $text NOT NULL,
  PRIMARY KEY (trace_seq, assessment_id)
)$clustered;

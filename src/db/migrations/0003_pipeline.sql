CREATE TABLE pipeline_runs (
  id $text PRIMARY KEY,
  pipeline $text NOT NULL,
  trigger_name $text NOT NULL,
  reason $text NOT NULL,
  state $text NOT NULL,
  params $text NOT NULL,
  host $text NOT NULL,
  pid INTEGER NOT NULL,
  process_start $text NOT NULL,
  boot_id $text NOT NULL,
  seen_ms BIGINT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  error $text
);
CREATE INDEX pipeline_runs_pipeline ON pipeline_runs (pipeline, started_ms);
CREATE UNIQUE INDEX pipeline_runs_one ON pipeline_runs (pipeline) WHERE state = 'running';

CREATE TABLE step_runs (
  run_id $text NOT NULL,
  pipeline $text NOT NULL,
  step $text NOT NULL,
  attempt INTEGER NOT NULL,
  state $text NOT NULL,
  reason $text NOT NULL,
  outs $text NOT NULL,
  log $text NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  duration_ms BIGINT,
  cpu_ms BIGINT,
  memory_bytes_peak BIGINT,
  output_bytes BIGINT,
  exit_code INTEGER,
  error $text,
  PRIMARY KEY (run_id, step, attempt)
);
CREATE INDEX step_runs_step ON step_runs (pipeline, step, started_ms);
CREATE INDEX step_runs_state ON step_runs (state, pipeline);

CREATE TABLE step_records (
  pipeline $text NOT NULL,
  step $text NOT NULL,
  step_key $text NOT NULL,
  parts $text NOT NULL,
  outputs $text NOT NULL,
  result $text NOT NULL,
  reusable INTEGER NOT NULL,
  run_id $text NOT NULL,
  used_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  cpu_ms BIGINT NOT NULL,
  memory_bytes_peak BIGINT NOT NULL,
  PRIMARY KEY (pipeline, step, step_key)
);
CREATE INDEX step_records_newest ON step_records (pipeline, step, used_ms);

CREATE TABLE interpreters (
  identity $text PRIMARY KEY,
  version $text NOT NULL
);

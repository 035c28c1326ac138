CREATE TABLE pipeline_runs (
  id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  trigger_name TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL,
  params TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  seen_ms BIGINT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  error TEXT
);
CREATE INDEX pipeline_runs_pipeline ON pipeline_runs (pipeline, started_ms);
CREATE UNIQUE INDEX pipeline_runs_one ON pipeline_runs (pipeline) WHERE state = 'running';

CREATE TABLE step_runs (
  run_id TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  outs TEXT NOT NULL,
  log TEXT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  duration_ms BIGINT,
  cpu_ms BIGINT,
  memory_bytes_peak BIGINT,
  output_bytes BIGINT,
  exit_code INTEGER,
  error TEXT,
  PRIMARY KEY (run_id, step, attempt)
);
CREATE INDEX step_runs_step ON step_runs (pipeline, step, started_ms);
CREATE INDEX step_runs_state ON step_runs (state, pipeline);

CREATE TABLE step_records (
  pipeline TEXT NOT NULL,
  step TEXT NOT NULL,
  step_key TEXT NOT NULL,
  parts TEXT NOT NULL,
  outputs TEXT NOT NULL,
  result TEXT NOT NULL,
  reusable INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  used_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  cpu_ms BIGINT NOT NULL,
  memory_bytes_peak BIGINT NOT NULL,
  PRIMARY KEY (pipeline, step, step_key)
);
CREATE INDEX step_records_newest ON step_records (pipeline, step, used_ms);

CREATE TABLE interpreters (
  identity TEXT PRIMARY KEY,
  version TEXT NOT NULL
);

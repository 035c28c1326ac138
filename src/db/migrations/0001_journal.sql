CREATE TABLE events (
  seq $identity,
  time_ms BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  data TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX events_subject ON events (subject, seq);
CREATE INDEX events_kind ON events (kind, seq);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  trigger_name TEXT NOT NULL,
  reason TEXT NOT NULL,
  payload TEXT NOT NULL,
  once_key TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  run_after_ms BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  started_ms BIGINT,
  ended_ms BIGINT,
  owner TEXT,
  result TEXT
);
CREATE INDEX jobs_state ON jobs (state, run_after_ms);

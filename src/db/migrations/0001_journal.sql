CREATE TABLE events (
  seq $identity,
  time_ms BIGINT NOT NULL,
  kind $text NOT NULL,
  subject $text NOT NULL,
  actor $text NOT NULL,
  reason $text NOT NULL,
  data $text NOT NULL,
  previous_hash $text NOT NULL,
  hash $text NOT NULL
);
CREATE INDEX events_subject ON events (subject, seq);
CREATE INDEX events_kind ON events (kind, seq);

CREATE TABLE jobs (
  id $text PRIMARY KEY,
  kind $text NOT NULL,
  pipeline $text NOT NULL,
  trigger_name $text NOT NULL,
  reason $text NOT NULL,
  payload $text NOT NULL,
  once_key $text NOT NULL UNIQUE,
  state $text NOT NULL,
  attempts INTEGER NOT NULL,
  run_after_ms BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  started_ms BIGINT,
  ended_ms BIGINT,
  owner $text,
  result $text
);
CREATE INDEX jobs_state ON jobs (state, run_after_ms);

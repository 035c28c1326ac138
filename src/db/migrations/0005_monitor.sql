-- Slices of live predictions of one version. size: "rows:5000" or "ms:604800000"; bucket: for windows of time, from_ms / ms.
-- counts, drift and performance are the JSON of src/monitor. The *_bytes say how much of the window's two files of answers
-- and outcomes is valid, and how much of the outcomes was judged.
CREATE TABLE windows (
  model $text NOT NULL,
  version BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  size $text NOT NULL,
  bucket BIGINT,
  state $text NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms BIGINT NOT NULL,
  id_from_ms BIGINT,
  id_to_ms BIGINT,
  row_count BIGINT NOT NULL,
  counts $text NOT NULL,
  answers_bytes BIGINT NOT NULL,
  outcomes_bytes BIGINT NOT NULL,
  judged_bytes BIGINT NOT NULL,
  drift $text,
  performance $text,
  action $text,
  action_reason $text,
  job_id $text,
  closed_ms BIGINT,
  PRIMARY KEY (model, version, seq)
);
CREATE INDEX windows_state ON windows (model, state, to_ms);
CREATE INDEX windows_action ON windows (model, action, to_ms);

-- How far each captured file was read, so that every line is read once.
CREATE TABLE capture_offsets (
  model $text NOT NULL,
  path $text NOT NULL,
  offset_bytes BIGINT NOT NULL,
  PRIMARY KEY (model, path)
)$clustered;

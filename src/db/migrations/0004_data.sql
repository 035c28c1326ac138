-- columns_json is JSON [{name, type}], type in DuckDB's words.
CREATE TABLE datasets (
  seq $identity,
  name $text NOT NULL,
  version BIGINT NOT NULL,
  hash $text NOT NULL,
  uri $text NOT NULL,
  format $text NOT NULL,
  files BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  size_bytes BIGINT NOT NULL,
  columns_json $text NOT NULL,
  created_ms BIGINT NOT NULL,
  UNIQUE (name, hash),
  UNIQUE (name, version)
);

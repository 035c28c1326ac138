-- The tables of MLflow 3.17's backend store that an import reads, with the columns that it reads, and a little of everything.
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT, creation_time BIGINT, last_update_time BIGINT);
CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT, deleted_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE latest_metrics (key TEXT, value FLOAT, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE datasets (dataset_uuid TEXT, experiment_id INTEGER, name TEXT, digest TEXT, dataset_source_type TEXT, dataset_source TEXT, dataset_schema TEXT, dataset_profile TEXT);
CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT, step BIGINT);
CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
CREATE TABLE registered_models (name TEXT PRIMARY KEY, creation_time BIGINT, last_updated_time BIGINT, description TEXT);
CREATE TABLE registered_model_tags (key TEXT, value TEXT, name TEXT);
CREATE TABLE registered_model_aliases (alias TEXT, version INTEGER, name TEXT);
CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time BIGINT, last_updated_time BIGINT, description TEXT, user_id TEXT, current_stage TEXT, source TEXT, run_id TEXT, status TEXT, status_message TEXT, run_link TEXT, storage_location TEXT);
CREATE TABLE model_version_tags (key TEXT, value TEXT, name TEXT, version INTEGER);

INSERT INTO experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1, 1), (1, 'flights', 'mlflow-artifacts:/1', 'active', 2, 3);
INSERT INTO experiment_tags VALUES ('team', 'a', 1);
INSERT INTO runs VALUES
  ('aaaabbbbccccddddaaaabbbbccccdddd', 'trained', 'ann', 'FINISHED', 1700000000000, 1700000060000, NULL, 'active', 'mlflow-artifacts:/1/aaaabbbbccccddddaaaabbbbccccdddd/artifacts', 1),
  ('00000000000000000000000000000000', 'bad', 'ann', 'FAILED', 1700000000001, 1700000000002, 1700000000003, 'deleted', 'mlflow-artifacts:/1/00000000000000000000000000000000/artifacts', 1);
INSERT INTO metrics VALUES
  ('loss', 1, 10, 'aaaabbbbccccddddaaaabbbbccccdddd', 0, 0), ('loss', 0.5, 11, 'aaaabbbbccccddddaaaabbbbccccdddd', 1, 0),
  ('loss', 0.25, 12, 'aaaabbbbccccddddaaaabbbbccccdddd', 2, 0), ('odd', 0, 10, 'aaaabbbbccccddddaaaabbbbccccdddd', 0, 1);
INSERT INTO latest_metrics VALUES
  ('loss', 0.25, 12, 2, 0, 'aaaabbbbccccddddaaaabbbbccccdddd'), ('odd', 0, 10, 0, 1, 'aaaabbbbccccddddaaaabbbbccccdddd');
INSERT INTO params VALUES ('depth', '3', 'aaaabbbbccccddddaaaabbbbccccdddd');
INSERT INTO tags VALUES ('mlflow.runName', 'trained', 'aaaabbbbccccddddaaaabbbbccccdddd');
INSERT INTO datasets VALUES ('u1', 1, 'flights', 'd1', 'local', 'data/flights.parquet', '{}', NULL);
INSERT INTO inputs VALUES ('i1', 'DATASET', 'u1', 'RUN', 'aaaabbbbccccddddaaaabbbbccccdddd', 0);
INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'training');
INSERT INTO registered_models VALUES ('flights', 5, 6, 'delays');
INSERT INTO registered_model_tags VALUES ('k', 'v', 'flights');
INSERT INTO registered_model_aliases VALUES ('champion', 2, 'flights');
INSERT INTO model_versions VALUES
  ('flights', 1, 5, 6, NULL, NULL, 'Deleted_Internal', 'REDACTED-SOURCE-PATH', 'REDACTED-RUN-ID', 'READY', NULL, NULL, NULL),
  ('flights', 2, 5, 6, 'good', NULL, 'Production', 'mlflow-artifacts:/1/aaaabbbbccccddddaaaabbbbccccdddd/artifacts/model', 'aaaabbbbccccddddaaaabbbbccccdddd', 'READY', NULL, NULL, NULL);
INSERT INTO model_version_tags VALUES ('by', 'ann', 'flights', 2);

CREATE TABLE trace_info (request_id TEXT PRIMARY KEY, experiment_id INTEGER, timestamp_ms BIGINT, execution_time_ms BIGINT, status TEXT, client_request_id TEXT, request_preview TEXT, response_preview TEXT);
CREATE TABLE trace_tags (key TEXT, value TEXT, request_id TEXT);
CREATE TABLE trace_request_metadata (key TEXT, value TEXT, request_id TEXT);
CREATE TABLE spans (trace_id TEXT, experiment_id INTEGER, span_id TEXT, parent_span_id TEXT, name TEXT, type TEXT, status TEXT, start_time_unix_nano BIGINT, end_time_unix_nano BIGINT, content TEXT);
INSERT INTO trace_info VALUES ('tr-11111111111111111111111111111111', 1, 1700000000123, 100, 'OK', NULL, 'why', NULL);
INSERT INTO trace_tags VALUES ('mlflow.trace.spansLocation', 'TRACKING_STORE', 'tr-11111111111111111111111111111111'), ('mlflow.artifactLocation', 'mlflow-artifacts:/1/traces/tr-11111111111111111111111111111111/artifacts', 'tr-11111111111111111111111111111111');
INSERT INTO trace_request_metadata VALUES ('mlflow.sourceRun', 'aaaabbbbccccddddaaaabbbbccccdddd', 'tr-11111111111111111111111111111111');
INSERT INTO spans VALUES
  ('tr-11111111111111111111111111111111', 1, 'b7ad6b7169203331', NULL, 'answer', 'LLM', 'OK', 1700000000123456789, 1700000000223456789, '{"trace_id": "EREREREREREREREREREREQ==", "span_id": "t61rcWkgMzE=", "parent_span_id": null, "name": "answer", "start_time_unix_nano": 1700000000123456789, "end_time_unix_nano": 1700000000223456789, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"mlflow.spanType": "\"LLM\"", "mlflow.spanInputs": "{\"q\": \"why\"}"}, "links": []}'),
  ('tr-11111111111111111111111111111111', 1, '00f067aa0ba902b7', 'b7ad6b7169203331', 'look up', 'UNKNOWN', 'ERROR', 1700000000133456789, 1700000000143456789, '{"trace_id": "EREREREREREREREREREREQ==", "span_id": "APBnqgupArc=", "parent_span_id": "t61rcWkgMzE=", "name": "look up", "start_time_unix_nano": 1700000000123456789, "end_time_unix_nano": 1700000000223456789, "events": [], "status": {"code": "STATUS_CODE_ERROR", "message": "no"}, "attributes": {"n": "7"}, "links": []}');

-- A metric of a logged model may have a value on each of several datasets at the same moment.
CREATE TABLE logged_model_metrics_on_datasets (
  model_seq BIGINT NOT NULL,
  key $text NOT NULL,
  timestamp_ms BIGINT NOT NULL,
  step BIGINT NOT NULL,
  run_id $text NOT NULL,
  dataset_name $text NOT NULL,
  dataset_digest $text NOT NULL,
  value $float NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (model_seq, key, timestamp_ms, step, run_id, dataset_name, dataset_digest)
)$clustered;

INSERT INTO logged_model_metrics_on_datasets
  (model_seq, key, timestamp_ms, step, run_id, dataset_name, dataset_digest, value, is_nan)
SELECT model_seq, key, timestamp_ms, step, run_id, dataset_name, dataset_digest, value, is_nan FROM logged_model_metrics;

DROP TABLE logged_model_metrics;

ALTER TABLE logged_model_metrics_on_datasets RENAME TO logged_model_metrics;

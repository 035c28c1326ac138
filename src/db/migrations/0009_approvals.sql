-- Versions that passed the gate and need a person's yes. state: "waiting", "approved", "refused", or "superseded" by a newer one.
CREATE TABLE approvals (
  name $text NOT NULL,
  version BIGINT NOT NULL,
  state $text NOT NULL,
  reason $text NOT NULL,
  asked_ms BIGINT NOT NULL,
  decided_ms BIGINT,
  decided_by $text,
  decided_why $text,
  PRIMARY KEY (name, version)
)$clustered;

-- Who wants to be told what. events: JSON list of patterns over the journal's kinds ("version.created", "run.*"). cursor_seq: up to
-- which event of the journal deliveries were made. secret: as written, "$NAME" stands for an environment variable.
CREATE TABLE webhooks (
  id $text PRIMARY KEY,
  name $text NOT NULL,
  url $text NOT NULL,
  description $text NOT NULL,
  events $text NOT NULL,
  secret $text NOT NULL,
  active INTEGER NOT NULL,
  cursor_seq BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

-- The delivery log. state: "pending", "done" or "failed"; next_ms: when a pending one is tried next.
CREATE TABLE deliveries (
  seq $identity,
  id $text NOT NULL,
  webhook_id $text NOT NULL,
  event_seq BIGINT NOT NULL,
  kind $text NOT NULL,
  state $text NOT NULL,
  attempts INTEGER NOT NULL,
  next_ms BIGINT NOT NULL,
  status INTEGER,
  error $text,
  created_ms BIGINT NOT NULL,
  sent_ms BIGINT
);
CREATE INDEX deliveries_due ON deliveries (webhook_id, state, next_ms);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, seq);

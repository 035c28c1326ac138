-- Who may come in: people and machines. role: what they may do everywhere; grants: more than that in one place.
CREATE TABLE principals (
  name $text PRIMARY KEY,
  role $text NOT NULL,
  created_ms BIGINT NOT NULL
);

-- kind: "experiment" (subject is its id) or "model" (subject is its name).
CREATE TABLE grants (
  name $text NOT NULL,
  kind $text NOT NULL,
  subject $text NOT NULL,
  role $text NOT NULL,
  PRIMARY KEY (name, kind, subject)
)$clustered;

-- Only a hash of the secret is kept. id is the part of a token that may be shown.
CREATE TABLE tokens (
  id $text PRIMARY KEY,
  name $text NOT NULL,
  label $text NOT NULL,
  hash $text NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT,
  used_ms BIGINT,
  revoked_ms BIGINT
);
CREATE INDEX tokens_name ON tokens (name);

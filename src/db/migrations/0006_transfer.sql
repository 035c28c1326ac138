-- What was brought over from another MLflow store, so that an import goes on where it stopped. root: where the thing's artifacts
-- were there; print: what it looked like when it was brought over.
CREATE TABLE imports (
  source $text NOT NULL,
  kind $text NOT NULL,
  id $text NOT NULL,
  root $text NOT NULL,
  print $text NOT NULL,
  PRIMARY KEY (source, kind, id)
)$clustered;

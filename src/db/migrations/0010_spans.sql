-- Spans of traces that came as OTLP; those of older clients are an artifact. content is OTLP's own JSON of the span,
-- attributes the same values as one flat object of texts, for searches.
CREATE TABLE trace_spans (
  trace_seq BIGINT NOT NULL,
  span_id $text NOT NULL,
  started_us BIGINT NOT NULL,
  name $text NOT NULL,
  type $text NOT NULL,
  status $text NOT NULL,
  attributes $text NOT NULL,
  content $text NOT NULL,
  PRIMARY KEY (trace_seq, span_id)
)$clustered;

"""Traces as a program that calls a language model makes them: decorators, nested spans, failure, search, tags, deletion."""

import time

import mlflow
from mlflow.entities import SpanType

from scenarios.tracking import ours


MAJOR = int(mlflow.__version__.split(".")[0])


@mlflow.trace(span_type=SpanType.LLM, attributes={"model": "tiny"})
def answer(question):
    with mlflow.start_span("look up") as span:
        span.set_inputs({"q": question})
        span.set_outputs(["x"])
        span.set_attribute("n", 1)
    return question.upper()


@mlflow.trace(name="breaks")
def breaks():
    raise ValueError("on purpose")


def flush():
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()


def span_shown(span, by_id):
    keep = {k: v for k, v in span.attributes.items() if not k.startswith("mlflow.") and k != "model.id"}
    parent = by_id.get(span.parent_id)
    return [span.name, span.span_type, span.inputs, span.outputs, keep, span.status.status_code.value if hasattr(span.status.status_code, "value") else str(span.status.status_code), parent and parent.name, [e.name for e in span.events]]


def trace_shown(trace):
    by_id = {s.span_id: s for s in trace.data.spans}
    info = trace.info
    return {
        "state": str(getattr(info, "state", info.status)), "took": info.execution_time_ms is not None, "experiment_id": info.experiment_id,
        "request": getattr(info, "request_preview", None), "response": getattr(info, "response_preview", None),
        "tags": sorted(k for k in info.tags if ours(k) and k != "mlflow.trace.spansLocation"), "own tags": {k: v for k, v in info.tags.items() if not k.startswith("mlflow.")},
        "spans": [span_shown(s, by_id) for s in trace.data.spans],
    }


FILTERS = [
    None, "tags.kind = 'good'", "tag.kind != 'good'", "trace.status = 'OK'", "trace.status = 'ERROR'", "attributes.status = 'ERROR'", "status = 'OK'", "name = 'answer'", "trace.name = 'breaks'", "attributes.name = 'breaks'", "timestamp_ms > 0",
    "span.name = 'look up'", "span.type = 'LLM'", "span.status = 'ERROR'", "span.name = 'look up' AND span.type = 'LLM'", "span.attributes.model LIKE '%tiny%'", "span.content LIKE '%on purpose%'",
    "name RLIKE '^ans.+r$'", "tags.kind RLIKE 'o+'", "status RLIKE 'OK|NONE'", "metadata.nothing RLIKE '.'", "span.name RLIKE 'look.up'", "span.attributes.model RLIKE '^tiny$'", "span.type RLIKE '^L' AND span.status = 'OK'",
    "name IS NULL", "name IS NOT NULL", "prompt = 'x/1'", "run_id IS NOT NULL", "trace.text LIKE '%on purpose%'", "trace.text ILIKE '%ON PURPOSE%'",
    "trace.timestamp_ms < 5", "attributes.timestamp > 0", "execution_time_ms >= 0", "trace.execution_time_ms > 100000", "tags.kind = 'good' AND status = 'OK'",
]
BAD = ["span.nothing = 'x'", "span.name > 'x'", "nothing = 'x'", "status > 'OK'", "timestamp_ms RLIKE '1'", "name RLIKE 1", "name RLIKE '['", "text = 'x'", "prompt = 'x'", "tags.kind = 1", "timestamp_ms = 'x'", "status = 'OK' OR status = 'ERROR'", "name"]


def run(t, client):
    experiment = mlflow.set_experiment("traces")
    t("answers", answer("why"))
    flush()
    found = search(client, experiment.experiment_id)
    t("one trace", [trace_shown(x) for x in found])
    identity = found[0].info
    trace_id = getattr(identity, "trace_id", None) or identity.request_id
    client.set_trace_tag(trace_id, "kind", "good")
    client.set_trace_tag(trace_id, "gone", "x")
    client.delete_trace_tag(trace_id, "gone")
    t.tried("a tag deleted twice", lambda: client.delete_trace_tag(trace_id, "gone"))
    fetched = client.get_trace(trace_id)
    t("fetched", trace_shown(fetched))
    t.tried("an unknown trace", lambda: client.get_trace("tr-" + "0" * 32), says="not found")
    for i in range(2):
        time.sleep(0.002)
        t.tried(f"breaks {i}", breaks)
    flush()
    t("a failed one", trace_shown(search(client, experiment.experiment_id, "status = 'ERROR'")[0]))
    searching(t, client, experiment)
    inside(t, client, experiment)
    by_hand(t, client, experiment)
    if MAJOR >= 3:
        assessing(t, client, trace_id)
    deleting(t, client, experiment, trace_id)


def search(client, experiment_id, text=None, **more):
    more = {"order_by": ["timestamp_ms ASC"], **more}
    return client.search_traces(experiment_ids=[experiment_id], filter_string=text, **more)


def names(found):
    return [x.info.tags.get("mlflow.traceName") for x in found]


def searching(t, client, experiment):
    for text in FILTERS:
        t.tried(f"filter {text}", lambda: names(search(client, experiment.experiment_id, text)))
    for text in BAD:
        t.tried(f"bad filter {text}", lambda: names(search(client, experiment.experiment_id, text)))
    for order in [["timestamp_ms DESC"], ["timestamp_ms"], ["status", "timestamp_ms"], ["name DESC", "timestamp_ms"], ["nothing"], None]:
        t.tried(f"order {order}", lambda: names(search(client, experiment.experiment_id, order_by=order)))
    page = search(client, experiment.experiment_id, max_results=2)
    t("page 1", [names(page), bool(page.token)])
    page = search(client, experiment.experiment_id, max_results=2, page_token=page.token)
    t("page 2", [names(page), bool(page.token)])
    frame = mlflow.search_traces(experiment_ids=[experiment.experiment_id])
    t("as a frame", [len(frame), sorted(set(frame.columns) & {"tags", "spans", "request", "response", "state", "status", "trace_id", "request_id"})])


def inside(t, client, experiment):
    with mlflow.start_run(run_name="with a trace") as active:
        answer("inside")
    flush()
    time.sleep(0.002)
    found = mlflow.search_traces(experiment_ids=[experiment.experiment_id], run_id=active.info.run_id)
    t("a run's traces", len(found))


def by_hand(t, client, experiment):
    root = client.start_trace("by hand", inputs={"a": 1}, tags={"kind": "hand"}, experiment_id=experiment.experiment_id)
    trace_id = getattr(root, "trace_id", None) or root.request_id
    child = client.start_span("child", trace_id, parent_id=root.span_id, inputs={"b": 2}) if MAJOR >= 3 else client.start_span("child", root.request_id, parent_id=root.span_id, inputs={"b": 2})
    client.end_span(trace_id, child.span_id, outputs={"c": 3})
    client.end_trace(trace_id, outputs={"d": 4})
    flush()
    t("by hand", trace_shown(client.get_trace(trace_id)))


ASSESSED = [
    "feedback.good = 'false'", "feedback.good = 'true'", "feedback.good != 'true'", "feedback.nothing = 'x'",
    "feedback.score > 0.4", "feedback.score <= 0.4", "feedback.score = '0.5'", "feedback.good >= 0", "feedback.words LIKE '%\"b\"%'", "feedback.parts ILIKE '%KIND%'",
    "feedback.score RLIKE '^0[.]5$'", "feedback.parts RLIKE 'k..d'", "expectation.answer RLIKE 'CAUSE'",
    "expectation.answer = 'BECAUSE'", "expectation.answer = 'WHY'", "expectation.answer LIKE '%CAUSE%'", "expectation.good = 'false'",
    "feedback.good IS NOT NULL", "feedback.score IS NOT NULL AND feedback.good = 'false' AND status = 'OK'", "expectation.nothing IS NOT NULL",
    "feedback.good = 1", "feedback.score > '0.4'", "feedback.score IN ('0.5')",
]


def assessing(t, client, trace_id):
    from mlflow.entities import AssessmentSource, Expectation, Feedback

    human = AssessmentSource("HUMAN", "ann")
    judge = AssessmentSource("LLM_JUDGE", "tiny")
    good = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, source=human, rationale="short", metadata={"k": "v"})
    for name, value in [("score", 0.5), ("words", ["a", "b"]), ("parts", {"tone": "kind"})]:
        mlflow.log_feedback(trace_id=trace_id, name=name, value=value, source=judge)
    wanted = mlflow.log_expectation(trace_id=trace_id, name="answer", value="WHY", source=human)
    t("assessed", assessments(client, trace_id))
    over = mlflow.override_feedback(trace_id=trace_id, assessment_id=good.assessment_id, value=False, rationale="longer", source=judge)
    valid = lambda: sorted([a.name, a.value, a.valid] for a in client.get_trace(trace_id).info.assessments if a.name == "good")  # noqa: E731
    t("overridden", valid())
    t("found after it was overridden", len(search(client, client.get_trace(trace_id).info.experiment_id, "feedback.good = 'true'")))
    mlflow.delete_assessment(trace_id, over.assessment_id)
    t("no longer overridden", valid())
    t.tried("an expectation of feedback", lambda: mlflow.update_assessment(trace_id, good.assessment_id, Expectation(name="good", value=1)))
    with mlflow.start_run(run_name="linked later") as active:
        client.link_traces_to_run([trace_id], active.info.run_id)
    t("linked to a run", len(mlflow.search_traces(locations=[active.info.experiment_id], run_id=active.info.run_id)))
    t("one assessment", assessment_shown(mlflow.get_assessment(trace_id, good.assessment_id)))
    mlflow.update_assessment(trace_id, wanted.assessment_id, Expectation(name="answer", value="BECAUSE"))
    mlflow.update_assessment(trace_id, good.assessment_id, Feedback(name="good", value=False, source=human))
    t("changed", assessments(client, trace_id))
    for text in ASSESSED:
        t.tried(f"filter {text}", lambda: len(mlflow.search_traces(filter_string=text)))
    mlflow.delete_assessment(trace_id, wanted.assessment_id)
    t("one less", assessments(client, trace_id))
    t.tried("an assessment that is gone", lambda: assessment_shown(mlflow.get_assessment(trace_id, wanted.assessment_id)))
    t.tried("an assessment of no trace", lambda: mlflow.log_feedback(trace_id="tr-" + "0" * 32, name="good", value=True))


def assessments(client, trace_id):
    return sorted((assessment_shown(one) for one in client.get_trace(trace_id).info.assessments), key=str)


def assessment_shown(one):
    value = one.feedback.value if one.feedback else one.expectation.value
    return [one.name, value, one.source.source_type, one.source.source_id, one.rationale, one.metadata]


def deleting(t, client, experiment, trace_id):
    ids = {"trace_ids": [trace_id]} if MAJOR >= 3 else {"request_ids": [trace_id]}
    t("one deleted", client.delete_traces(experiment.experiment_id, **ids))
    t.tried("it is gone", lambda: client.get_trace(trace_id))
    t("deleted again", client.delete_traces(experiment.experiment_id, **ids))
    t("the rest", client.delete_traces(experiment.experiment_id, max_timestamp_millis=int(time.time() * 1000) + 1000, max_traces=2))
    t("left", len(search(client, experiment.experiment_id)))

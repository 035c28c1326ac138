"""Fluent logging as a training script does it: runs, params, metrics with steps, tags, nesting, failure, resuming, deletion."""

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType

def ours(key):
    """Not one of the tags that name this machine, user or Git commit."""
    return not key.startswith(("mlflow.source.", "mlflow.user"))


def tags_of(run):
    return {k: v for k, v in run.data.tags.items() if ours(k)}


def shown(run):
    """A run without what names this machine or user."""
    info = run.info
    return {
        "name": info.run_name,
        "status": info.status,
        "stage": info.lifecycle_stage,
        "run": info.run_id,
        "experiment_id": info.experiment_id,
        "artifacts": info.artifact_uri,
        "started": info.start_time is not None,
        "ended": info.end_time is not None,
        "user": bool(info.user_id),
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": tags_of(run),
        "system tags": sorted(set(run.data.tags) & {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}),
    }


def points(history):
    return [[m.key, m.value, m.timestamp, m.step] for m in history]


def run(t, client):
    experiment = mlflow.set_experiment("tracking")
    t("set_experiment", {"name": experiment.name, "stage": experiment.lifecycle_stage, "at": experiment.artifact_location})
    t("set_experiment again", mlflow.set_experiment("tracking").experiment_id == experiment.experiment_id)

    with mlflow.start_run(run_name="first", description="a first run", tags={"team": "red"}) as active:
        first = active.info.run_id
        t("while running", shown(client.get_run(first)))
        mlflow.log_param("alpha", 0.5)
        mlflow.log_params({"depth": 3, "empty": "", "text": "a b/c", "none": None, "list": [1, 2]})
        mlflow.log_metric("loss", 0.9, step=1, timestamp=1000)
        mlflow.log_metric("loss", 0.5, step=2, timestamp=2000)
        mlflow.log_metric("loss", 0.7, step=2, timestamp=1500)
        mlflow.log_metrics({"a": 1, "b/c.d-e f": 2.5}, step=7)
        mlflow.set_tag("note", "grün ✓")
        mlflow.set_tags({"n": 1, "mlflow.note.content": "described"})
        mlflow.set_tag("gone", "x")
        mlflow.delete_tag("gone")
    t("when ended", shown(client.get_run(first)))
    t("history", points(client.get_metric_history(first, "loss")))
    t("history of an unknown key", points(client.get_metric_history(first, "nothing")))

    numbers(t, client, experiment)
    keys(t, client, experiment)
    nesting(t, client)
    failing(t, client)
    changing(t, client, experiment)
    deleting(t, client, experiment)
    batches(t, client, experiment)
    t("last_active_run", mlflow.last_active_run() is not None)
    if hasattr(mlflow, "search_runs"):
        frame = mlflow.search_runs(filter_string="tags.team = 'red'", output_format="list")
        t("fluent search", [r.info.run_name for r in frame])
        frame = mlflow.search_runs(experiment_names=["tracking"], filter_string="tags.team = 'red'")
        t("fluent search as a frame", sorted(c for c in frame.columns if ours(c.removeprefix("tags."))))


def numbers(t, client, experiment):
    with mlflow.start_run(run_name="numbers") as active:
        run_id = active.info.run_id
        for step, value in enumerate([1, float("nan"), float("inf"), float("-inf"), 1e308, -0.0, 5e-324]):
            mlflow.log_metric("odd", value, step=step, timestamp=10 * step + 1)
        mlflow.log_metric("nan", float("nan"), timestamp=1)
        mlflow.log_metric("inf", float("inf"), timestamp=1)
        mlflow.log_metric("back", 1, step=-5, timestamp=5)
        mlflow.log_metric("back", 2, step=-7, timestamp=9)
        mlflow.log_metric("far", 1, step=2**53, timestamp=5)
        mlflow.log_metric("no step", 3, timestamp=5)
        mlflow.log_metric("no step", 4, timestamp=6)
        for _ in range(3):
            mlflow.log_metric("same", 1, step=1, timestamp=5)
        mlflow.log_metric("whole", True, timestamp=1)
    run = client.get_run(run_id)
    t("numbers", run.data.metrics)
    for key in ["odd", "back", "far", "no step", "same"]:
        t(f"history of {key}", points(client.get_metric_history(run_id, key)))


def keys(t, client, experiment):
    run_id = client.create_run(experiment.experiment_id, run_name="keys").info.run_id
    for key in ["", "a" * 250, "a" * 251, "with space", "a/b/c", "a//b", "../a", "/a", "a:b", "a,b", "naïve", "a\nb", ".", "a.b"]:
        shown_key = key if len(key) < 20 else f"{len(key)} letters"
        t.tried(f"metric key {shown_key!r}", lambda: client.log_metric(run_id, key, 1, timestamp=1))
        t.tried(f"param key {shown_key!r}", lambda: client.log_param(run_id, key, 1))
        t.tried(f"tag key {shown_key!r}", lambda: client.set_tag(run_id, key, 1))
    client.log_param(run_id, "long", "x" * 6000)
    t.tried("a param over the limit", lambda: client.log_param(run_id, "longer", "x" * 6001))
    t.tried("a tag over the limit", lambda: client.set_tag(run_id, "longer", "x" * 8001))
    data = client.get_run(run_id).data
    t("lengths", [len(data.params["long"]), len(data.params.get("longer", "")), len(data.tags.get("longer", ""))])
    t("kept keys", [sorted(data.metrics), sorted(data.params), sorted(tags_of(client.get_run(run_id)))])
    t.tried("a metric that is text", lambda: client.log_metric(run_id, "m", "high"))
    t.tried("a metric before time", lambda: client.log_metric(run_id, "m", 1, timestamp=-1))


def nesting(t, client):
    with mlflow.start_run(run_name="parent") as parent:
        for depth in (3, 5):
            with mlflow.start_run(run_name=f"child {depth}", nested=True) as child:
                mlflow.log_param("depth", depth)
                with mlflow.start_run(run_name=f"grandchild {depth}", nested=True):
                    mlflow.log_metric("m", depth)
        t.tried("a second run that is not nested", lambda: mlflow.start_run())
    found = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    t("children", sorted(r.info.run_name for r in found))
    t("parent of a child", client.get_parent_run(child.info.run_id).info.run_name)
    t("parent of the parent", client.get_parent_run(parent.info.run_id))


def failing(t, client):
    with mlflow.start_run(run_name="resumed") as active:
        run_id = active.info.run_id
    with mlflow.start_run(run_id=run_id):
        t("resumed", client.get_run(run_id).info.status)
        mlflow.log_metric("late", 1)
    try:
        with mlflow.start_run(run_name="fails") as active:
            raise KeyError("x")
    except KeyError:
        t("failed", client.get_run(active.info.run_id).info.status)
    mlflow.start_run(run_name="killed")
    killed = mlflow.active_run().info.run_id
    mlflow.end_run("KILLED")
    t("killed", client.get_run(killed).info.status)


def changing(t, client, experiment):
    run = client.create_run(experiment.experiment_id, start_time=1234, tags={"mlflow.runName": "from the tag", "x": "1"})
    run_id = run.info.run_id
    t("created by the client", [run.info.run_name, run.info.status, run.info.start_time, run.data.tags])
    client.log_param(run_id, "p", "1")
    t.tried("the same param again", lambda: client.log_param(run_id, "p", "1"))
    t.tried("another value for a param", lambda: client.log_param(run_id, "p", "2"), says="Changing param values is not allowed")
    client.update_run(run_id, name="renamed")
    t("renamed", [client.get_run(run_id).info.run_name, client.get_run(run_id).data.tags["mlflow.runName"]])
    client.set_tag(run_id, "mlflow.runName", "by tag")
    t("renamed by tag", client.get_run(run_id).info.run_name)
    client.update_run(run_id, status="SCHEDULED")
    t("scheduled", client.get_run(run_id).info.status)
    client.set_terminated(run_id, "FAILED", end_time=5678)
    ended = client.get_run(run_id).info
    t("terminated", [ended.status, ended.end_time, ended.run_name])
    t.tried("delete a tag that is not there", lambda: client.delete_tag(run_id, "nothing"), says="No tag with name: nothing")
    unnamed = client.create_run(experiment.experiment_id)
    t("a name is given", [unnamed.info.run_name.count("-"), unnamed.data.tags["mlflow.runName"] == unnamed.info.run_name])
    t.tried("two names", lambda: client.create_run(experiment.experiment_id, run_name="a", tags={"mlflow.runName": "b"}))
    t.tried("an unknown run", lambda: client.get_run("0" * 32), says="not found")
    t.tried("a run in an unknown experiment", lambda: client.create_run("987654"))
    t.tried("an unknown status", lambda: client.update_run(run_id, status="HAPPY"))


def deleting(t, client, experiment):
    ids = [client.create_run(experiment.experiment_id, run_name=f"deleted {i}", tags={"del": "y"}).info.run_id for i in range(3)]
    client.delete_run(ids[0])
    t("deleted", client.get_run(ids[0]).info.lifecycle_stage)
    t.tried("log to a deleted run", lambda: client.log_metric(ids[0], "m", 1), says="must be in the 'active' state")
    t.tried("tag a deleted run", lambda: client.set_tag(ids[0], "m", 1))
    t.tried("delete twice", lambda: client.delete_run(ids[0]))
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        found = client.search_runs([experiment.experiment_id], "tags.del = 'y'", run_view_type=view)
        t(f"view {view}", sorted(r.info.run_name for r in found))
    client.restore_run(ids[0])
    t("restored", client.get_run(ids[0]).info.lifecycle_stage)
    t.tried("restore twice", lambda: client.restore_run(ids[0]))
    client.log_metric(ids[0], "m", 1)
    t.tried("delete an unknown run", lambda: client.delete_run("f" * 32))


def batches(t, client, experiment):
    run_id = client.create_run(experiment.experiment_id, run_name="batch").info.run_id
    metrics = [Metric(f"m{i % 10}", i, i, i // 10) for i in range(1000)]
    client.log_batch(run_id, metrics=metrics)
    client.log_batch(run_id, params=[Param(f"p{i}", str(i)) for i in range(100)], tags=[RunTag(f"t{i}", str(i)) for i in range(100)])
    client.log_batch(run_id)
    data = client.get_run(run_id).data
    t("a full batch", [data.metrics, len(data.params), len([k for k in data.tags if k.startswith("t")])])
    t("its history", [len(client.get_metric_history(run_id, "m3")), points(client.get_metric_history(run_id, "m3")[:3])])
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics({f"many {i}": i for i in range(1500)}, step=1)
        mlflow.log_params({f"many {i}": i for i in range(250)})
        mlflow.log_metric("later", 1, synchronous=False).wait()
        mlflow.log_params({"later": 1}, synchronous=False).wait()
        mlflow.set_tag("later", 1, synchronous=False).wait()
    data = client.get_run(run_id).data
    t("batches split by the client", [len(data.metrics), len(data.params), data.metrics["later"], data.params["later"], data.tags["later"]])
    t.tried("a param twice in a batch", lambda: client.log_batch(run_id, params=[Param("twice", "1"), Param("twice", "2")]))
    t.tried("a changed param in a batch", lambda: client.log_batch(run_id, params=[Param("p1", "other")]))
    t("nothing was changed", client.get_run(run_id).data.params["p1"])

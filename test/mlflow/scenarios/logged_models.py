"""Logged models, MLflow 3's first-class models: their life, tags, params, metrics, and search."""

import time

import mlflow
from mlflow.entities import LoggedModelInput, LoggedModelStatus

from scenarios.tracking import ours

SINCE = 3


def shown(m):
    return {
        "name": m.name, "id": m.model_id, "experiment_id": m.experiment_id, "at": m.artifact_location, "status": str(m.status), "type": m.model_type,
        "run": m.source_run_id, "tags": {k: v for k, v in m.tags.items() if ours(k)}, "params": m.params,
        "metrics": sorted([x.key, x.value, x.step, x.dataset_name, x.model_id == m.model_id] for x in m.metrics or []),
    }


FILTERS = [
    None, "name = 'a'", "name != 'a'", "name LIKE 'a%'", "name ILIKE 'A%'", "name IN ('a', 'c')", "name NOT IN ('a')", "model_type = 'tree'", "model_type != 'tree'", "status = 'READY'", "status = 'FAILED'",
    "attributes.name = 'a'", "metrics.acc > 0.8", "metrics.acc <= 0.8 AND name = 'b'", "metrics.`acc` = 0.9", "params.depth = '3'", "params.depth != '3'", "params.depth LIKE '%'", "tags.team = 'red'", "tags.team ILIKE 'R%'",
    "tags.`my tag` = 'x'", "creation_timestamp > 0", "creation_time < 5", "last_updated_timestamp > 0", "source_run_id = 'nothing'",
]
BAD = ["nothing = 'a'", "name > 'a'", "name = 'a' OR name = 'b'", "metrics.acc = 'x'", "metrics.acc LIKE 'x'", "params.depth = 3", "creation_timestamp = 'x'", "name", "name = 'a' AND", "artifact_location = 'x'"]
ORDERS = [
    [{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.acc", "ascending": False}, {"field_name": "name"}], [{"field_name": "metrics.acc"}, {"field_name": "name"}],
    [{"field_name": "metrics.acc", "ascending": True, "dataset_name": "train", "dataset_digest": "1"}, {"field_name": "name"}], [{"field_name": "creation_timestamp"}], [{"field_name": "creation_timestamp", "ascending": False}],
    [{"field_name": "params.depth"}, {"field_name": "name"}], [{"field_name": "tags.team"}], [{"field_name": "nothing"}], [{"ascending": True}], [{"field_name": "model_type"}, {"field_name": "name"}],
]


def run(t, client):
    experiment_id = mlflow.set_experiment("logged models").experiment_id
    life(t, client, experiment_id)
    linked(t, client)
    searching(t, client)


def life(t, client, experiment_id):
    made = mlflow.initialize_logged_model("alone", params={"depth": 3}, tags={"team": "red"}, model_type="tree")
    t("pending", shown(made))
    t("finalized", str(mlflow.finalize_logged_model(made.model_id, LoggedModelStatus.READY).status))
    mlflow.set_logged_model_tags(made.model_id, {"k": "v", "gone": 1})
    mlflow.delete_logged_model_tag(made.model_id, "gone")
    t.tried("a tag deleted twice", lambda: mlflow.delete_logged_model_tag(made.model_id, "gone"))
    mlflow.log_model_params({"more": 1}, model_id=made.model_id)
    t("changed", shown(mlflow.get_logged_model(made.model_id)))
    t.tried("a param changed", lambda: mlflow.log_model_params({"more": 2}, model_id=made.model_id))
    failed = mlflow.initialize_logged_model("failed")
    t("failed", str(mlflow.finalize_logged_model(failed.model_id, LoggedModelStatus.FAILED).status))
    t.tried("an unknown model", lambda: mlflow.get_logged_model("m-" + "0" * 32), says="not found")
    for name in ["", None, "a/b", "a:b", "a.b", "50%", "it's", 'q"q', "with space", "ünï", "x" * 500]:
        label = f"name {name if name is None or len(name) < 20 else len(name)!r}"
        t.tried(label, lambda: bool(mlflow.initialize_logged_model(name).name))
    mlflow.initialize_logged_model("alone")
    t("one name, two models", len(mlflow.search_logged_models(filter_string="name = 'alone'", output_format="list")))
    client.delete_logged_model(failed.model_id)
    t.tried("deleted", lambda: mlflow.get_logged_model(failed.model_id), says="not found")
    t.tried("deleted twice", lambda: client.delete_logged_model(failed.model_id))
    t("not found any more", mlflow.search_logged_models(filter_string="name = 'failed'", output_format="list"))
    t.tried("a status that is none", lambda: client.finalize_logged_model(made.model_id, "NOTHING"))


def linked(t, client):
    import numpy as np
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(np.eye(2), [0, 1])
    with mlflow.start_run(run_name="trains") as active:
        mlflow.log_param("alpha", 1)
        mlflow.log_metric("before", 0.5)
        info = mlflow.sklearn.log_model(model, name="line", pip_requirements=["numpy"], params={"own": "p"})
        train = mlflow.data.from_numpy(np.eye(2), name="train")
        mlflow.log_metric("acc", 0.9, step=1, model_id=info.model_id, dataset=train)
        mlflow.log_metric("acc", 0.8, step=2, model_id=info.model_id)
        mlflow.log_metrics({"f1": 0.7}, model_id=info.model_id)
        mlflow.log_input(train, context="training", model=LoggedModelInput(model_id=info.model_id))
    run = client.get_run(active.info.run_id)
    t("logged by a run", shown(mlflow.get_logged_model(info.model_id)))
    t("outputs of the run", [[o.model_id, o.step] for o in run.outputs.model_outputs])
    t("inputs of the run", [[i.model_id for i in run.inputs.model_inputs], len(run.inputs.dataset_inputs)])
    t("metrics of the run", run.data.metrics)
    t("last logged", mlflow.last_logged_model().model_id == info.model_id)
    t("by run id", [m.name for m in mlflow.search_logged_models(filter_string=f"source_run_id = '{active.info.run_id}'", output_format="list")])
    t("its files", sorted(f.path for f in client.list_logged_model_artifacts(info.model_id)) if hasattr(client, "list_logged_model_artifacts") else None)
    version = mlflow.register_model(info.model_uri, "logged.line")
    t("registered", [version.version, version.source, version.run_id == active.info.run_id, version.model_id])
    t("knows its versions", mlflow.get_logged_model(info.model_id).tags.get("mlflow.modelVersions"))
    t("download uri", client.get_model_version_download_uri("logged.line", "1"))
    loaded = mlflow.sklearn.load_model(info.model_uri)
    t("loads by id", loaded.predict([[0, 1]]).tolist())
    evaluates(t, client, info)


def evaluates(t, client, info):
    with mlflow.start_run(run_name="evaluates") as active:
        mlflow.set_active_model(model_id=info.model_id)
        mlflow.log_metric("later", 0.6)
    mlflow.clear_active_model()
    run = client.get_run(active.info.run_id)
    t("metrics of an active model", sorted(x.key for x in mlflow.get_logged_model(info.model_id).metrics))
    t("input of the evaluating run", [i.model_id for i in (run.inputs.model_inputs if run.inputs else [])])


def searching(t, client):
    experiment = mlflow.set_experiment("logged models search")
    for name, kind, acc, params, tags in [
        ("b", "tree", 0.8, {"depth": "3"}, {"team": "red"}), ("a", "tree", 0.9, {"depth": "5"}, {"team": "blue", "my tag": "x"}),
        ("c", "line", None, {}, {"team": "Red"}), ("d", None, 0.85, {"depth": "3"}, {}),
    ]:
        model = mlflow.initialize_logged_model(name, params=params, tags=tags, model_type=kind)
        time.sleep(0.003)  # Orders by creation time need times that differ.
        if acc is not None:
            with mlflow.start_run(run_name=f"run of {name}"):
                mlflow.log_metric("acc", acc - 0.5, step=0, model_id=model.model_id)
                mlflow.log_metric("acc", acc, step=1, model_id=model.model_id)
                if name in "ab":
                    train = mlflow.data.from_numpy(__import__("numpy").eye(2), name="train", digest="1")
                    mlflow.log_metric("acc", 1 - acc, step=1, model_id=model.model_id, dataset=train)
        if name != "d":
            client.finalize_logged_model(model.model_id, "READY")
    by_name = [{"field_name": "name"}]
    names = lambda text=None, order=by_name, **k: [m.name for m in client.search_logged_models([experiment.experiment_id], filter_string=text, order_by=order, **k)]  # noqa: E731
    for text in FILTERS:
        t.tried(f"filter {text}", lambda: names(text))
    for text in BAD:
        t.tried(f"bad filter {text}", lambda: names(text))
    for order in ORDERS:
        t.tried(f"order {order}", lambda: names(order=order))
    t("by default the newest first", names(order=None))
    t.tried("with a dataset", lambda: names("metrics.acc < 0.5", datasets=[{"dataset_name": "train"}]))
    t.tried("with a dataset and its digest", lambda: names("metrics.acc < 0.15", datasets=[{"dataset_name": "train", "dataset_digest": "1"}]))
    t.tried("with an unknown dataset", lambda: names("metrics.acc < 0.5", datasets=[{"dataset_name": "nothing"}]))
    page = client.search_logged_models([experiment.experiment_id], order_by=by_name, max_results=3)
    t("page 1", [[m.name for m in page], bool(page.token)])
    page = client.search_logged_models([experiment.experiment_id], order_by=by_name, max_results=3, page_token=page.token)
    t("page 2", [[m.name for m in page], bool(page.token)])
    t.tried("another search's token", lambda: len(client.search_logged_models([experiment.experiment_id], max_results=3, page_token="nonsense")))
    for wanted in (0, 1, 50, 51):
        t.tried(f"{wanted} wanted", lambda: len(names(max_results=wanted)))
    frame = mlflow.search_logged_models([experiment.experiment_id], order_by=by_name)
    t("as a frame", sorted(frame.columns))

"""scikit-learn autologging, as a notebook does it: one switch, then fit, search and score."""

import mlflow
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scenarios.tracking import ours


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    return x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)


def shown(client, run_id):
    run = client.get_run(run_id)
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": {k: v for k, v in run.data.tags.items() if ours(k) and k not in ("mlflow.log-model.history", "mlflow.runName")},
        "logged models in the tag": "mlflow.log-model.history" in run.data.tags,
        "artifacts": sorted(f.path for f in client.list_artifacts(run_id)),
        "datasets": [[i.dataset.name, i.dataset.source_type, [tag.value for tag in i.tags]] for i in run.inputs.dataset_inputs],
        "models out": len(getattr(getattr(run, "outputs", None), "model_outputs", None) or []),
    }


def run(t, client):
    experiment = mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(silent=True, pos_label=1)
    try:
        x, y = data()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
        model.fit(x, y)
        fitted = mlflow.last_active_run().info.run_id
        t("fit", shown(client, fitted))
        loaded = mlflow.sklearn.load_model(f"runs:/{fitted}/model")
        t("the logged model is the model", bool((loaded.predict(x) == model.predict(x)).all()))
        with mlflow.start_run(run_name="scored") as active:
            model = LogisticRegression().fit(x, y)
            model.score(x, y)
            accuracy_score(y, model.predict(x))
        t("scored", sorted(client.get_run(active.info.run_id).data.metrics))
        with mlflow.start_run(run_name="searched") as active:
            GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(x, y)
        t("the search", shown(client, active.info.run_id))
        children = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{active.info.run_id}'", order_by=["params.C"])
        t("its children", [[c.data.params, sorted(c.data.metrics)] for c in children])
    finally:
        mlflow.sklearn.autolog(disable=True)

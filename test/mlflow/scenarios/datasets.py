"""Datasets as inputs of runs: from pandas and NumPy, contexts, tags, repeats, and search by dataset."""

import mlflow
import numpy as np
import pandas as pd
import requests


def shown(run):
    return [
        {
            "name": i.dataset.name, "digest": i.dataset.digest, "type": i.dataset.source_type, "source": i.dataset.source,
            "schema": i.dataset.schema, "profile": i.dataset.profile, "tags": {tag.key: tag.value for tag in i.tags},
        }
        for i in sorted(run.inputs.dataset_inputs, key=lambda i: (i.dataset.name, i.dataset.digest))
    ]


def run(t, client):
    experiment_id = client.create_experiment("datasets")
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "c"], "n": [1, 2, 3]})
    train = mlflow.data.from_pandas(frame, source="https://example.com/train.csv", name="train set", targets="n")
    test = mlflow.data.from_pandas(frame.head(2), source="https://example.com/test.csv", name="test set")
    array = mlflow.data.from_numpy(np.arange(6).reshape(3, 2), source="https://example.com/array.npy", name="array")
    with mlflow.start_run(experiment_id=experiment_id, run_name="one") as active:
        mlflow.log_input(train, context="training", tags={"rows": "3"})
        mlflow.log_input(test, context="testing")
        mlflow.log_input(train, context="training")
    one = active.info.run_id
    with mlflow.start_run(experiment_id=experiment_id, run_name="two") as active:
        mlflow.log_input(array)
        mlflow.log_input(train, context="evaluation")
    with mlflow.start_run(experiment_id=experiment_id, run_name="three"):
        pass
    t("inputs of one", shown(client.get_run(one)))
    t("inputs of two", shown(client.get_run(active.info.run_id)))
    source = mlflow.data.get_source(client.get_run(one).inputs.dataset_inputs[0])
    t("the source comes back", type(source).__name__)
    for text in [
        "dataset.name = 'train set'", "datasets.name = 'train set'", "dataset.name != 'train set'", "dataset.name LIKE '%set'", "dataset.name ILIKE 'TRAIN%'",
        "dataset.name IN ('array', 'test set')", "dataset.name NOT IN ('array', 'test set')", f"dataset.digest = '{train.digest}'", "dataset.digest LIKE '%'",
        "dataset.context = 'training'", "dataset.context = 'evaluation' AND dataset.name = 'train set'", "dataset.context = 'training' AND dataset.name = 'array'",
        "dataset.context IN ('testing', 'evaluation')", "dataset.context = 'nothing'", "dataset.name = 'array' AND run_name = 'two'",
    ]:
        text_shown = text.replace(train.digest, "<digest>")
        t.tried(f"search {text_shown}", lambda: [r.info.run_name for r in client.search_runs([experiment_id], text, order_by=["run_name"])])
    found = client.search_runs([experiment_id], "run_name = 'one'")[0]
    t("a found run has its inputs", shown(found) == shown(client.get_run(one)))
    answer = requests.post(f"{t.uri}/ajax-api/2.0/mlflow/experiments/search-datasets", json={"experiment_ids": [experiment_id]})
    t("summaries", sorted([d["name"], d.get("context")] for d in answer.json()["dataset_summaries"]))
    answer = requests.post(f"{t.uri}/ajax-api/2.0/mlflow/experiments/search-datasets", json={"experiment_ids": []})
    t("summaries of nothing", answer.status_code)

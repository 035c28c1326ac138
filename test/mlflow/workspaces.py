"""What a client with a workspace sees; run by workspaces.test.ts, once with each client. Prints one JSON object."""

import json
import os

import mlflow
from mlflow.exceptions import MlflowException

seen = {}
client = mlflow.MlflowClient()


def refused(call):
    try:
        call()
        return "not refused"
    except MlflowException as error:
        return error.error_code


if os.environ["ROLE"] == "member":
    mlflow.set_workspace("team-a")
    seen["workspaces"] = [w.name for w in mlflow.list_workspaces()]
    mlflow.set_experiment("churn")
    with mlflow.start_run():
        mlflow.log_metric("m", 2)
    seen["another's"] = refused(lambda: client.create_run("0"))
    mlflow.set_workspace("team-b")
    seen["elsewhere"] = refused(lambda: client.create_experiment("mine"))
elif os.environ["ROLE"] == "old":
    # A client that knows nothing of workspaces sees whole names, and may make and move.
    seen["names"] = sorted(e.name for e in client.search_experiments(filter_string="name LIKE 'team-_/churn'"))
    mlflow.set_experiment("team-c/first")
    with mlflow.start_run():
        mlflow.log_metric("m", 1)
    seen["made"] = mlflow.get_experiment_by_name("team-c/first").name
else:
    seen["made"] = mlflow.create_workspace("team-a").name
    seen["again"] = refused(lambda: mlflow.create_workspace("team-a"))
    seen["workspaces"] = [w.name for w in mlflow.list_workspaces()]
    seen["none"] = refused(lambda: mlflow.get_workspace("team-z"))
    ids = []
    for team in ["team-a", "team-b"]:
        mlflow.set_workspace(team)
        ids.append(mlflow.set_experiment("churn").experiment_id)
        mlflow.set_experiment("other")
        with mlflow.start_run():
            mlflow.log_metric("m", 1)
        seen[team] = {
            "names": sorted(e.name for e in client.search_experiments()),
            "found": [e.name for e in client.search_experiments(filter_string="name LIKE 'ch%'")],
            "by name": mlflow.get_experiment_by_name("churn").name,
            "not by whole name": mlflow.get_experiment_by_name("team-a/churn") is None,
        }
    seen["apart"] = len(set(ids)) == 2
    client.rename_experiment(ids[1], "renamed")
    seen["renamed"] = client.get_experiment(ids[1]).name
    client.rename_experiment(ids[1], "churn")
    seen["another's"] = refused(lambda: client.create_run("0"))
    mlflow.set_workspace("default")
    seen["default"] = [e.name for e in client.search_experiments()]
print(json.dumps(seen))

"""log_model and load_model of every flavour that Trimtab serves, with signature and input example."""

import os
import pathlib

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

MAJOR = int(mlflow.__version__.split(".")[0])


def data():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    return frame, (frame["a"] > frame["b"]).astype(int)


def named(name):
    """The argument for the model's name: `artifact_path` until MLflow 3."""
    return {"name": name} if MAJOR >= 3 else {"artifact_path": name}


class Adder(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.amount = float(pathlib.Path(context.artifacts["amount"]).read_text())

    def predict(self, context, model_input, params=None):
        return model_input["a"] + self.amount + (params or {}).get("extra", 0)


def sklearn_model(frame, target):
    """In the client's default format: cloudpickle in MLflow 2, skops in MLflow 3."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(frame, target), mlflow.sklearn, {}, lambda m: m.predict(frame)


def pickled_model(frame, target):
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(frame, target)
    return model, mlflow.sklearn, {"serialization_format": "cloudpickle"}, lambda m: m.predict(frame)


def xgboost_model(frame, target):
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(frame, target)
    return model, mlflow.xgboost, {}, lambda m: m.predict(frame)


def lightgbm_model(frame, target):
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1).fit(frame, target)
    return model, mlflow.lightgbm, {}, lambda m: m.predict(frame)


def onnx_model(frame, target):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(frame.to_numpy(np.float32), target)
    return to_onnx(model, frame.to_numpy(np.float32)[:1], target_opset=15), mlflow.onnx, {}, lambda m: len(m.graph.node) > 0


FLAVORS = {"sklearn": sklearn_model, "pickled": pickled_model, "xgboost": xgboost_model, "lightgbm": lightgbm_model, "onnx": onnx_model}


def files(client, run_id, info):
    """The names of the model's files, wherever this client keeps them."""
    found = mlflow.artifacts.list_artifacts(info.model_uri)
    return sorted(pathlib.PurePosixPath(f.path).name for f in found)


def run(t, client):
    mlflow.set_experiment("flavors")
    frame, target = data()
    for name, make in FLAVORS.items():
        model, flavor, more, check = make(frame, target)
        example = frame.head(2) if name != "onnx" else frame.to_numpy(np.float32)[:2]
        with mlflow.start_run(run_name=name) as active:
            info = flavor.log_model(model, **named("model"), input_example=example, pip_requirements=["numpy"], **more)
            mlflow.log_metric("after", 1)
        logged(t, client, name, active.info.run_id, info)
        loaded = flavor.load_model(info.model_uri)
        t(f"{name} loads", np.asarray(check(loaded)).tolist() == np.asarray(check(model)).tolist())
        whole = mlflow.pyfunc.load_model(f"runs:/{active.info.run_id}/model")
        answer = whole.predict(frame if name != "onnx" else frame.to_numpy(np.float32))
        t(f"{name} as pyfunc", [type(answer).__name__, len(answer)])
    pyfunc(t, client, frame)


def logged(t, client, name, run_id, info):
    t(f"{name} files", files(client, run_id, info))
    t(f"{name} flavors", sorted(info.flavors))
    t(f"{name} signature", info.signature.to_dict() if info.signature else None)
    t(f"{name} uri", info.model_uri)
    again = mlflow.models.get_model_info(f"runs:/{run_id}/model")
    t(f"{name} info by run", [again.model_uuid == info.model_uuid, sorted(again.flavors), again.run_id])
    t(f"{name} in the run", sorted(f.path for f in client.list_artifacts(run_id)))
    t(f"{name} in the tag", "mlflow.log-model.history" in client.get_run(run_id).data.tags)


def pyfunc(t, client, frame):
    pathlib.Path("amount.txt").write_text("10")
    signature = infer_signature(frame, frame["a"], params={"extra": 0.5})
    with mlflow.start_run(run_name="pyfunc") as active:
        info = mlflow.pyfunc.log_model(
            **named("own"), python_model=Adder(), artifacts={"amount": os.path.abspath("amount.txt")}, signature=signature,
            input_example=(frame.head(2), {"extra": 1.0}), pip_requirements=["numpy"], registered_model_name="flavors.own", metadata={"note": "x"},
        )
    t("pyfunc files", files(client, active.info.run_id, info))
    t("pyfunc signature", info.signature.to_dict())
    t("registered at once", [info.registered_model_version, client.get_model_version("flavors.own", "1").run_id])
    for uri in [f"runs:/{active.info.run_id}/own", "models:/flavors.own/1", "models:/flavors.own/latest"]:
        loaded = mlflow.pyfunc.load_model(uri)
        answer = loaded.predict(frame, params={"extra": 2.0}) - frame["a"]
        t(f"pyfunc from {uri.split('/')[0]}{uri.rsplit('/', 1)[1]}", [round(float(answer.min()), 6), round(float(answer.max()), 6)])
    t("its metadata", loaded.metadata.metadata)

"""Registers versions of the model "tiny" as people do: log_model, then register_model. Arguments: which, of the names below."""

import json
import os
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")
sys.dont_write_bytecode = True

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
MAJOR = int(mlflow.__version__.split(".")[0])
raw = pd.read_csv("data/rows.csv").iloc[:300]
# As the pipeline's features are called; the order is not theirs.
features = pd.DataFrame({"b": raw["b"], "a": raw["a"]})
label = raw["label"]


class Sum(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.limit = float(pathlib.Path(context.artifacts["limit"]).read_text())

    def predict(self, context, model_input, params=None):
        return (model_input["a"] + model_input["b"] > self.limit).astype(int)


def sklearn():
    return mlflow.sklearn, {"sk_model": LogisticRegression().fit(features, label)}, features


def bad():
    return mlflow.sklearn, {"sk_model": DummyClassifier().fit(features, label)}, features


def raw_columns():
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = raw[["a", "b", "kind"]]
    one_hot = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    return mlflow.sklearn, {"sk_model": make_pipeline(one_hot, LogisticRegression()).fit(columns, label)}, columns


def strange():
    other = features.rename(columns={"a": "altitude"})
    return mlflow.sklearn, {"sk_model": LogisticRegression().fit(other, label)}, other


def xgboost():
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=30, n_jobs=1).fit(features, label)
    return mlflow.xgboost, {"xgb_model": model}, features


def lightgbm():
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1).fit(features, label)
    return mlflow.lightgbm, {"lgb_model": model}, features


def onnx():
    from skl2onnx import to_onnx

    fitted = LogisticRegression().fit(features.to_numpy(np.float32), label)
    model = to_onnx(fitted, features.to_numpy(np.float32)[:1], target_opset=15, options={"zipmap": False})
    return mlflow.onnx, {"onnx_model": model}, features


def pyfunc():
    pathlib.Path("limit.txt").write_text("0")
    return mlflow.pyfunc, {"python_model": Sum(), "artifacts": {"limit": os.path.abspath("limit.txt")}}, features


mlflow.set_experiment("by hand")
versions = []
for which in sys.argv[1:]:
    flavor, model, columns = globals()[which]()
    with mlflow.start_run():
        name = {"name": "model"} if MAJOR >= 3 else {"artifact_path": "model"}
        signature = infer_signature(columns, label)
        info = flavor.log_model(**name, **model, signature=signature, pip_requirements=["numpy"])
    versions.append(int(mlflow.register_model(info.model_uri, "tiny").version))
json.dump(versions, out)
out.flush()

"""Saves a model of every flavour below the working folder and prints what MLflow itself answers with each for the same rows."""

import json
import os
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from scenarios.flavors import FLAVORS, MAJOR, Adder, data  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
frame, target = data()
answers = {}


def remember(name):
    answer = mlflow.pyfunc.load_model(name).predict(frame)
    if isinstance(answer, dict):
        answer = next(iter(answer.values()))
    answers[name] = np.asarray(answer, dtype=float).ravel().tolist()


for name, make in FLAVORS.items():
    model, flavor, more, _ = make(frame, target)
    outputs = target if name != "onnx" else target.astype(float)
    flavor.save_model(model, name, signature=infer_signature(frame, outputs), pip_requirements=["numpy"], **more)
    remember(name)

# Plain boosters, which have no class of scikit-learn around them.
for name, take in [("xgboost", lambda model: model.get_booster()), ("lightgbm", lambda model: model.booster_)]:
    model, flavor, _, _ = FLAVORS[name](frame, target)
    signature = infer_signature(frame, target.astype(float))
    flavor.save_model(take(model), f"{name}_booster", signature=signature, pip_requirements=["numpy"])
    remember(f"{name}_booster")

if MAJOR >= 3:
    # A tree is of a type that skops loads only when the folder says so.
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(frame, target)
    more = {"serialization_format": "skops", "skops_trusted_types": ["sklearn.tree._tree.Tree"]}
    mlflow.sklearn.save_model(forest, "trusted", signature=infer_signature(frame, target), pip_requirements=["numpy"], **more)
    remember("trusted")

pathlib.Path("amount.txt").write_text("10")
mlflow.pyfunc.save_model(
    "pyfunc",
    python_model=Adder(),
    artifacts={"amount": os.path.abspath("amount.txt")},
    signature=infer_signature(frame, frame["a"]),
    pip_requirements=["numpy"],
    # The class is pickled by its module's name: the module travels with the model.
    code_paths=[str(pathlib.Path(__file__).parent / "scenarios")],
)
remember("pyfunc")
json.dump({"columns": frame.to_dict("list"), "answers": answers}, out)
out.flush()

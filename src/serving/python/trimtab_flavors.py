"""Which file of a model folder is the model, and how it is loaded without mlflow: scikit-learn's pickles, XGBoost's and LightGBM's
own files. Everything else that MLflow's flavours write is for mlflow itself."""

import importlib
import os
import pickle

KEYS = {"loader_module", "model_path", "pickled_model", "predict_fn", "serialization_format", "data", "model_class"}

OURS = ("mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm")
LIGHTGBM_BOOSTER = "lightgbm.basic.Booster"


def resolve_entry(folder, entry):
    """(path of the model's file, flavors) or (None, flavors) when only mlflow itself can load the folder."""
    path = os.path.normpath(os.path.join(folder, entry))
    if not os.path.isdir(path):
        return path, {}
    flavors = read_flavors(path)
    loader = flavors.get("loader_module")
    file = flavors.get("pickled_model") or flavors.get("model_path") if loader == "mlflow.sklearn" else flavors.get("data")
    # skops reads its files for mlflow; the format is also written of LightGBM's plain boosters, which are text.
    is_skops = flavors.get("serialization_format") == "skops" and flavors.get("model_class") != LIGHTGBM_BOOSTER
    is_ours = loader in OURS and not is_skops
    if not is_ours or not file or not os.path.isfile(os.path.join(path, file)):
        return None, flavors
    return os.path.join(path, file), flavors


def read_flavors(path):
    """The few keys of an MLmodel file that say how to load it, without a YAML parser: `key: value` at any depth, the first counts."""
    found = {}
    with open(os.path.join(path, "MLmodel"), encoding="utf-8") as file:
        for line in file:
            key, _, value = line.strip().partition(":")
            if key in KEYS and value.strip() not in ("", "null"):
                found.setdefault(key, value.strip().strip("'\""))
    return found


def load_file(path, flavors):
    """The model in a file that resolve_entry found."""
    loader = flavors.get("loader_module")
    if loader == "mlflow.xgboost":
        return load_xgboost(path, flavors.get("model_class", "xgboost.core.Booster"))
    if loader == "mlflow.lightgbm" and flavors.get("model_class", LIGHTGBM_BOOSTER) == LIGHTGBM_BOOSTER:
        return need("lightgbm").Booster(model_file=path)
    return load_pickle(path)


def load_xgboost(path, model_class):
    need("xgboost")
    module, _, name = model_class.rpartition(".")
    if module.split(".")[0] != "xgboost":
        raise TypeError(f"{model_class} is no class of xgboost")
    model = getattr(importlib.import_module(module), name)()
    model.load_model(path)
    return BoosterOnFrames(model) if name == "Booster" else model


class BoosterOnFrames:
    """XGBoost's plain booster takes its own matrices only."""

    def __init__(self, booster):
        self.booster = booster
        self.feature_names_in_ = booster.feature_names

    def predict(self, data):
        matrix = need("xgboost").DMatrix(data, feature_names=self.booster.feature_names, enable_categorical=True)
        return self.booster.predict(matrix)


def knows_categories(model):
    """Whether text must come to it as pandas' categories, whose codes it translates into those that it was trained with: LightGBM
    always, XGBoost from 3.1 on. Before, XGBoost took the codes as they came, which serving cannot know: it refuses text itself."""
    if getattr(getattr(model, "booster_", model), "pandas_categorical", None):
        return True
    booster = model.get_booster() if hasattr(model, "get_booster") else getattr(model, "booster", None)
    return hasattr(booster, "get_categories") and "c" in (booster.feature_types or ())


def load_classifier(path, flavors):
    """Of a folder for mlflow the library's own object where it tells probabilities, which mlflow's pyfunc keeps to itself; None for all others."""
    loader, asked = flavors.get("loader_module"), flavors.get("predict_fn")
    if loader not in OURS or asked not in (None, "predict", "predict_proba"):
        return None
    model = need(loader).load_model(path)
    return model if callable(getattr(model, "predict_proba", None)) else None


def load_pickle(path):
    try:
        import joblib

        return joblib.load(path)
    except ImportError as error:
        if error.name != "joblib":
            raise
    with open(path, "rb") as file:
        return pickle.load(file)


def need(module):
    """The module, or an error that says how to get it into this Python."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name != module.split(".")[0]:
            raise
        raise ImportError(f"this model needs {error.name}, which this Python has not: pip install {error.name}", name=error.name) from None

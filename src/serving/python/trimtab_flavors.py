"""Which file of a model folder is the model, and how it is loaded without mlflow: scikit-learn's pickles and skops files, XGBoost's
and LightGBM's own files. Everything else that MLflow's flavours write is for mlflow itself."""

import importlib
import os
import pickle
import re
import zipfile

# Module → package.
PACKAGES = {
    "sklearn": "scikit-learn",
    **{name: name for name in ("cloudpickle", "joblib", "lightgbm", "mlflow", "pandas", "scipy", "skops", "xgboost")},
}

TRUSTED = "skops_trusted_types"
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
    if loader not in OURS or not file or not os.path.isfile(os.path.join(path, file)):
        return None, flavors
    return os.path.join(path, file), flavors


def read_flavors(path):
    """The few keys of an MLmodel file that say how to load it, without a YAML parser: `key: value` at any depth, the first counts;
    and the list of types that skops may load, an item a line."""
    found = {}
    listed = None
    with open(os.path.join(path, "MLmodel"), encoding="utf-8") as file:
        for line in file:
            item = line.strip()
            if listed is not None and item.startswith("- "):
                listed.append(plain(item[2:]))
                continue
            key, _, value = item.partition(":")
            listed = found.setdefault(TRUSTED, []) if key == TRUSTED and value.strip() == "" else None
            if key in KEYS and value.strip() not in ("", "null"):
                found.setdefault(key, plain(value))
    return found


def plain(scalar):
    return scalar.strip().strip("'\"")


def load_file(path, flavors):
    """The model in a file that resolve_entry found."""
    loader = flavors.get("loader_module")
    if loader == "mlflow.xgboost":
        return load_xgboost(path, flavors.get("model_class", "xgboost.core.Booster"))
    if loader == "mlflow.lightgbm" and flavors.get("model_class", LIGHTGBM_BOOSTER) == LIGHTGBM_BOOSTER:
        return need("lightgbm").Booster(model_file=path)
    if flavors.get("serialization_format") == "skops":
        return load_skops(path, loader.rpartition(".")[2], flavors.get(TRUSTED))
    return load_pickle(path)


def skops_modules(path, size_most):
    """The libraries' modules that a skops file names; what else it names is not imported before skops has looked at it."""
    with zipfile.ZipFile(path) as archive:
        # A file that skops did not write has none.
        schemas = [name for name in archive.namelist() if name == "schema.json"]
        text = "".join(archive.open(name).read(size_most).decode(errors="replace") for name in schemas)
    named = re.findall(r'"__module__": "((?:sklearn|lightgbm|scipy|numpy)[\w.]*)"', text)
    return ["skops.io", *dict.fromkeys(named)]


def load_skops(path, library, trusted):
    """skops loads the types that it knows to be harmless, and those that the model's folder names, as mlflow has it do."""
    need(library)
    return need("skops.io").load(path, trusted=trusted)


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
            raise told(error) from None
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except ImportError as error:
        raise told(error) from None


def need(module):
    """The module, or an error that says how to get it into this Python."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise told(error) from None


def told(error):
    """The error with the mend when a library is missing whose package is known; a guessed name may be anybody's."""
    package = PACKAGES.get(error.name)
    if package is None:
        return error
    return ImportError(f"this model needs {package}, which this Python has not: pip install {package}", name=error.name)

"""Loads one model and answers batches with it: pickle, joblib and MLflow folders, whatever has `predict`.

Columns come as a frame's payload and answers go back as one; frames.ts has their layout.
"""

import json
import os
import struct
import sys
import warnings

from trimtab_flavors import knows_categories, load_classifier, load_file, need, resolve_entry

NUMBER_VALUES, TEXT_VALUES = 0, 1


class Model:
    def __init__(self, order):
        import numpy

        self.numpy = numpy
        # Told about names that a model trained on a DataFrame misses in an array; we order the columns by name ourselves.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        self.columns = order["columns"]
        self.types = order["types"]
        self.classes = order.get("classes")
        self.is_classifier = order["task"] == "classification"
        folder = order["folder"]
        for place in (folder, os.path.join(folder, "code"), order.get("root")):
            if place and os.path.isdir(place) and place not in sys.path:
                sys.path.append(place)
        path, flavors = resolve_entry(folder, order["entry"])
        self.casts = {}
        if path is None:
            self.use_frame = True
            place = os.path.join(folder, order["entry"])
            self.model = load_classifier(place, flavors) if self.is_classifier else None
            if self.model is not None:
                self.methods = self.choose_methods(None)
            else:
                self.model = need("mlflow.pyfunc").load_model(place)
                self.methods = ["predict"]
                self.casts = self.signature_types()
        else:
            self.model = load_file(path, flavors)
            self.methods = self.choose_methods(flavors.get("predict_fn"))
            self.use_frame = None
        self.texts_are_categories = knows_categories(self.model)
        self.order = self.check_columns()
        self.class_order = self.match_classes()

    def choose_methods(self, predict_fn):
        if not callable(getattr(self.model, "predict", None)):
            raise TypeError(f"a {type(self.model).__name__} has no predict method")
        if not self.is_classifier or not callable(getattr(self.model, "predict_proba", None)):
            return [predict_fn if predict_fn and predict_fn != "predict_proba" else "predict"]
        # Where the label is not the likeliest class, the model must be asked for both.
        steps = getattr(self.model, "steps", None)
        last = steps[-1][1] if steps else self.model
        differs = type(last).__name__ in ("SVC", "NuSVC", "TunedThresholdClassifierCV", "FixedThresholdClassifier")
        return ["predict_proba", "predict"] if differs else ["predict_proba"]

    def signature_types(self):
        """numpy types by column, where mlflow wants another than the float64 that all numbers are here."""
        schema = self.model.metadata.get_input_schema()
        wanted = {"integer": "int32", "long": "int64", "float": "float32"}
        if schema is None or not schema.has_input_names():
            return {}
        types = {name: getattr(column.type, "name", "") for name, column in schema.input_dict().items()}
        return {name: wanted[kind] for name, kind in types.items() if kind in wanted}

    def check_columns(self):
        """Places of our columns in the model's own order, or None when it is the same."""
        names = getattr(self.model, "feature_names_in_", None)
        if names is not None:
            names = [str(name) for name in names]
            if sorted(names) != sorted(self.columns):
                missing = sorted(set(names) - set(self.columns))[:5]
                extra = sorted(set(self.columns) - set(names))[:5]
                raise ValueError(f"the model was trained with other columns: it misses {missing} and does not know {extra}")
            order = [self.columns.index(name) for name in names]
            return None if order == list(range(len(order))) else order
        count = getattr(self.model, "n_features_in_", None)
        if count is not None and count != len(self.columns):
            raise ValueError(f"the model was trained with {count} columns and would get {len(self.columns)}")
        return None

    def match_classes(self):
        """Places of our classes among the model's, or None when they are the same."""
        if not self.is_classifier:
            return None
        own = getattr(self.model, "classes_", None)
        if own is None:
            return None
        own = [value.item() if hasattr(value, "item") else value for value in own]
        if self.classes is None:
            self.classes = own
        keys = [class_key(value) for value in own]
        wanted = [class_key(value) for value in self.classes]
        if not set(wanted) <= set(keys):
            raise ValueError(f"the model's classes are {own}, and {self.classes} are expected")
        if len(wanted) < len(keys):
            # What was expected comes from rows, and a rare class may be missing in them: the model knows better.
            self.classes = own
            return None
        order = [keys.index(key) for key in wanted]
        return None if order == list(range(len(order))) else order

    def about(self):
        return {"classes": self.classes, "type": type(self.model).__name__}

    def answer(self, body):
        columns, rows = self.decode(body)
        data = self.shape(columns)
        self.tell_finite(columns)
        results = [getattr(self.model, method)(data) for method in self.methods]
        if self.methods[0] == "predict_proba":
            return self.encode_classes(results, rows)
        return self.encode_values(results[0], rows)

    def tell_finite(self, columns):
        """Spares scikit-learn looking for NaN and infinity in each of its steps: one look at all numbers says as much.

        Trees work in float32, so what overflows there does not count as finite either; NaN compares as false.
        """
        sklearn = sys.modules.get("sklearn")
        if sklearn is not None:
            is_numbers = not isinstance(columns, list)
            sklearn.set_config(assume_finite=is_numbers and bool(self.numpy.abs(columns).max(initial=0) < 3e38))

    def decode(self, body):
        """Columns in our order: float64 arrays (views of the frame) and lists of text; all numbers are one array."""
        rows, count = struct.unpack_from("<II", body, 8)
        kinds = bytes(body[16 : 16 + count])
        at = 16 + (count + 7) // 8 * 8
        if not any(kinds):
            return self.numpy.frombuffer(body, "<f8", rows * count, at).reshape(count, rows), rows
        columns = [None] * count
        for i in range(count):
            if kinds[i] == 0:
                columns[i] = self.numpy.frombuffer(body, "<f8", rows, at)
                at += rows * 8
        for i in range(count):
            if kinds[i] == 1:
                (size,) = struct.unpack_from("<I", body, at)
                columns[i] = json.loads(bytes(body[at + 4 : at + 4 + size]))
                at += 4 + size
        return columns, rows

    def shape(self, columns):
        if self.use_frame is None:
            # An array is several times cheaper than a DataFrame, but not every model takes one.
            try:
                self.use_frame = isinstance(columns, list)
                if not self.use_frame:
                    getattr(self.model, self.methods[0])(self.matrix(columns))
            except Exception:
                self.use_frame = True
                try:
                    getattr(self.model, self.methods[0])(self.frame(columns))
                except Exception:
                    # Neither: these rows may be at fault, so nothing is decided; the call below tells the error.
                    self.use_frame = None
                    return self.frame(columns)
        return self.frame(columns) if self.use_frame else self.matrix(columns)

    def matrix(self, columns):
        return (columns if self.order is None else columns[self.order]).T

    def frame(self, columns):
        import pandas

        data = {}
        for i in range(len(columns)) if self.order is None else self.order:
            column = columns[i]
            if self.types[i] == "timestamp":
                column = pandas.to_datetime(column, unit="ms")
            elif isinstance(column, list) and self.texts_are_categories:
                column = pandas.Categorical(column)
            elif self.types[i] == "boolean" and not self.numpy.isnan(column).any():
                column = column.astype(bool)
            cast = self.casts.get(self.columns[i])
            # Only what loses nothing: a half in a column of whole numbers is for mlflow to refuse.
            if cast is not None and (cast == "float32" or (column == column.round()).all()):
                column = column.astype(cast)
            data[self.columns[i]] = column
        return pandas.DataFrame(data)

    def encode_classes(self, results, rows):
        probabilities = self.numpy.asarray(results[0], "<f8")
        if probabilities.ndim != 2 or probabilities.shape[1] != len(self.classes):
            raise ValueError(f"predict_proba gave shape {probabilities.shape} for {rows} rows, {len(self.classes)} classes")
        if self.class_order is not None:
            probabilities = probabilities[:, self.class_order]
        if len(results) > 1:
            values = self.indices(results[1])
        else:
            values = probabilities.argmax(axis=1).astype("<f8")
        return frame_parts(values, probabilities)

    def encode_values(self, result, rows):
        numpy = self.numpy
        if hasattr(result, "to_numpy"):
            result = result.to_numpy()
        values = numpy.asarray(result)
        if values.ndim == 2 and self.is_classifier and self.classes and values.shape[1] == len(self.classes) > 1:
            return frame_parts(values.argmax(axis=1).astype("<f8"), values.astype("<f8"))
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise ValueError(f"predict gave shape {values.shape} for {rows} rows")
        if self.is_classifier and self.classes:
            return frame_parts(self.indices(values), None)
        if values.dtype.kind in "biuf":
            return frame_parts(values.astype("<f8"), None)
        if self.is_classifier:
            return text_parts([None if value is None else str(value) for value in values.tolist()])
        return frame_parts(values.astype("<f8"), None)

    def indices(self, labels):
        """Labels as places among the classes; -1 for one that is none of them."""
        places = {class_key(value): i for i, value in enumerate(self.classes)}
        labels = self.numpy.asarray(labels).tolist()
        return self.numpy.array([places.get(class_key(label), -1) for label in labels], "<f8")


def class_key(value):
    """True, 1 and 1.0 are one class; text is another."""
    return value if isinstance(value, str) else float(value)


def frame_parts(values, probabilities):
    numbers = b"" if probabilities is None else probabilities.tobytes()
    return struct.pack("<IIII", NUMBER_VALUES, len(values), len(numbers) // 8, 0), values.tobytes(), numbers


def text_parts(values):
    text = json.dumps(values).encode()
    return struct.pack("<IIII", TEXT_VALUES, len(values), 0, len(text)), text

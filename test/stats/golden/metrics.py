"""Makes metrics.json: inputs and scikit-learn's values for them.

    pip install scikit-learn==1.9.1 && python metrics.py > metrics.json
"""
import json
import warnings

import numpy as np
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)


def classification(name, y, p):
    classes = p.shape[1]
    predicted = p.argmax(1)
    average = "binary" if classes == 2 else "macro"
    labels = list(range(classes))
    scores = {
        "accuracy": m.accuracy_score(y, predicted),
        "balanced_accuracy": m.balanced_accuracy_score(y, predicted),
        "precision": m.precision_score(y, predicted, average=average, zero_division=0),
        "recall": m.recall_score(y, predicted, average=average, zero_division=0),
        "f1": m.f1_score(y, predicted, average=average, zero_division=0),
        "log_loss": m.log_loss(y, p, labels=labels),
    }
    if classes == 2:
        scores["roc_auc"] = m.roc_auc_score(y, p[:, 1])
        scores["brier"] = m.brier_score_loss(y, p[:, 1])
    else:
        if len(set(y)) == classes:
            scores["roc_auc"] = m.roc_auc_score(y, p, multi_class="ovr", average="macro", labels=labels)
        scores["brier"] = m.brier_score_loss(y, p, labels=labels)
    scores = {k: float(v) for k, v in scores.items() if np.isfinite(v)}
    return {"name": name, "classCount": classes, "truth": y.tolist(), "predicted": predicted.tolist(),
            "probabilities": p.ravel().tolist(), "scores": scores}


def binary(n, rate, digits):
    y = (rng.random(n) < rate).astype(int)
    p1 = np.round(1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 1))), digits)
    return y, np.column_stack([1 - p1, p1])


def multi(n, k, present):
    y = rng.integers(0, present, n)
    raw = rng.random((n, k)) + 0.7 * np.eye(k)[y]
    return y, raw / raw.sum(1, keepdims=True)


def regression(name, y, p):
    return {"name": name, "truth": y.tolist(), "predicted": p.tolist(), "scores": {
        "mae": m.mean_absolute_error(y, p), "rmse": m.root_mean_squared_error(y, p), "r2": m.r2_score(y, p),
        "mape": float(m.mean_absolute_percentage_error(y, p))}}


y = rng.normal(50, 20, 80)
print(json.dumps({
    "source": "scikit-learn 1.9.1, metrics.py",
    "classification": [
        classification("binary", *binary(120, 0.3, 6)),
        classification("binary, tied scores", *binary(120, 0.5, 1)),
        classification("nothing predicted positive", np.array([0, 1, 0, 1]), np.array([[.9, .1], [.8, .2], [.7, .3], [1., 0.]])),
        classification("one class only", np.array([1, 1, 1]), np.array([[.9, .1], [.2, .8], [0., 1.]])),
        classification("three classes", *multi(90, 3, 3)),
        classification("a class that never occurs", *multi(60, 4, 3)),
    ],
    "regression": [
        regression("plain", y, y + rng.normal(0, 5, 80)),
        regression("worse than the mean", y, -y),
        regression("with a zero", np.array([0., 1., 2.]), np.array([.5, 1.5, 1.])),
        regression("constant truth", np.array([3., 3., 3.]), np.array([3., 3., 4.])),
        regression("constant truth, all right", np.array([3., 3.]), np.array([3., 3.])),
    ],
}))

"""Writes model.pkl and model.onnx: the same 100 gradient-boosted trees over 10 numbers."""

import pickle

import numpy as np
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 10))
y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
model = GradientBoostingClassifier(n_estimators=100, max_depth=3).fit(X, y)
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
with open("model.onnx", "wb") as file:
    file.write(to_onnx(model, X[:1].astype(np.float32), options={"zipmap": False}).SerializeToString())

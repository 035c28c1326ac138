"""Writes model.pkl: 100 gradient-boosted trees over 10 numbers."""

import pickle

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 10))
y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
with open("model.pkl", "wb") as file:
    pickle.dump(GradientBoostingClassifier(n_estimators=100, max_depth=3).fit(X, y), file)

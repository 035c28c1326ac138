"""
The user's own code: trains scikit-learn's gradient-boosted trees on build/train.parquet and writes build/model/model.pkl.
Trimtab only asks that the folder holds a pickle (or joblib file) whose object has `predict` or `predict_proba`.

Where MLFLOW_TRACKING_URI is set (`trimtab run` sets it for its steps, with MLFLOW_RUN_ID), parameters and the loss of every
tree go to that run by MLflow's own client.
"""

import argparse
import contextlib
import os
import pathlib

import joblib
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

NOT_FEATURES = ["delayed", "date"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="build/train.parquet")
    parser.add_argument("--out", default="build/model")
    parser.add_argument("--trees", type=int, default=60)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--rows", type=int, default=150_000, help="an even sample of this many rows")
    return parser.parse_args()


def tracked():
    """The client when there is somewhere to log to and the package is installed, else None."""
    if "MLFLOW_TRACKING_URI" not in os.environ:
        return None
    try:
        import mlflow
    except ImportError:
        print("MLFLOW_TRACKING_URI is set, but mlflow is not installed: nothing is logged")
        return None
    return mlflow


def main():
    args = arguments()
    rows = pd.read_parquet(args.data)
    if len(rows) > args.rows:
        rows = rows.sample(args.rows, random_state=7)
    features = rows.drop(columns=[name for name in NOT_FEATURES if name in rows])
    target = rows["delayed"].astype(int)

    mlflow = tracked()
    with mlflow.start_run() if mlflow else contextlib.nullcontext():
        model = HistGradientBoostingClassifier(
            max_iter=args.trees, max_leaf_nodes=args.leaves, learning_rate=0.1, early_stopping=False, random_state=7
        ).fit(features, target)
        if mlflow:
            mlflow.log_params({"estimator": type(model).__name__, "features": len(features.columns), "rows": len(rows)})
            log_learning(mlflow, model, features, target)

    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, out / "model.pkl")
    print(f"trained {args.trees} trees on {len(rows)} flights and {len(features.columns)} features")


def log_learning(mlflow, model, features, target):
    """The loss after every tree, on an even part of the rows, so that `trimtab runs show` can plot it."""
    part = features.iloc[:20_000]
    truth = target.iloc[:20_000]
    for step, p in enumerate(model.staged_predict_proba(part), start=1):
        mlflow.log_metric("train_log_loss", log_loss(truth, p), step=step)
    mlflow.log_metric("train_roc_auc", roc_auc_score(truth, p[:, 1]), step=step)


if __name__ == "__main__":
    main()

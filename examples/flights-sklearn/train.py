"""The user's own code: trains scikit-learn's gradient-boosted trees on build/train.parquet and pickles the model.

Trimtab only asks that the folder has a model.pkl; the columns are matched by name when it serves. See README.md for what
the model is worth. `trimtab run` sets MLFLOW_TRACKING_URI and MLFLOW_RUN_ID for its steps: with mlflow installed, what is
logged here stands in the pipeline's own run.
"""

import argparse
import contextlib
import os
from pathlib import Path

import joblib
import pandas
from sklearn.ensemble import HistGradientBoostingClassifier


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="build/train.parquet")
    parser.add_argument("--out", default="build/model")
    parser.add_argument("--target", default="delayed")
    parser.add_argument("--skip", default="date", help="a column that is no feature")
    parser.add_argument("--trees", type=int, default=150)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--rows", type=int, default=800_000)
    return parser.parse_args()


def mlflow_run():
    """A run on the tracking server, or nothing when none is named or mlflow is not installed."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return contextlib.nullcontext(), None
    try:
        import mlflow
    except ImportError:
        print("MLFLOW_TRACKING_URI is set, but mlflow is not installed: pip install mlflow-skinny")
        return contextlib.nullcontext(), None
    return mlflow.start_run(), mlflow


def train(rows, target, trees, rate):
    features = rows.drop(columns=target).astype("float64")
    # A tenth of the rows is held back only to log how the loss falls; every tree is kept.
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=rate,
        max_leaf_nodes=63,
        min_samples_leaf=200,
        l2_regularization=1.0,
        early_stopping=True,
        n_iter_no_change=trees,
        validation_fraction=0.1,
        random_state=7,
    )
    return model.fit(features, rows[target])


def main():
    args = arguments()
    rows = pandas.read_parquet(args.data).drop(columns=args.skip)
    # An even sample keeps the training short; every row is equally likely, whatever its date.
    rows = rows.sample(min(args.rows, len(rows)), random_state=7)
    run, mlflow = mlflow_run()
    with run:
        model = train(rows, args.target, args.trees, args.rate)
        if mlflow:
            # Trimtab logs the step's own params (trees, rate, rows) itself.
            mlflow.log_params({"estimator": type(model).__name__, "trained_rows": len(rows)})
            for tree, score in enumerate(model.validation_score_):
                mlflow.log_metric("validation_log_loss", -score, step=tree)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, out / "model.pkl")
    print(f"trained {model.n_iter_} trees on {len(rows)} flights; log loss {-model.validation_score_[-1]:.4f} on a held-back tenth")


if __name__ == "__main__":
    main()

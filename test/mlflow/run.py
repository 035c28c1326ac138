"""
Runs scenarios with the MLflow client of this Python against the server in MLFLOW_TRACKING_URI and prints, as one JSON object,
what each of them saw: `python run.py tracking registry`. Without names: all that this client's version can do.
A scenario that raises is recorded as such and the others still run.
"""

import importlib
import json
import os
import pathlib
import sys
import tempfile
import traceback
import warnings

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
# Autologging starts a Python for every model, only to list its requirements; it gives up at once and takes its defaults.
os.environ.setdefault("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("TQDM_DISABLE", "1")
warnings.filterwarnings("ignore")

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import mlflow  # noqa: E402
from transcript import Transcript  # noqa: E402

MAJOR = int(mlflow.__version__.split(".")[0])


def every_scenario():
    """Those of this client's version: a file with the line `SINCE = 3` cannot even be imported by an older one."""
    files = sorted((HERE / "scenarios").glob("*.py"))
    return [file.stem for file in files if MAJOR >= 3 or "\nSINCE = 3\n" not in file.read_text()]


def load(name):
    return importlib.import_module(f"scenarios.{name}")


def main():
    # The protocol's channel is ours alone: what clients print goes to stderr.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    uri = os.environ["MLFLOW_TRACKING_URI"]
    seen = {"client": mlflow.__version__, "scenarios": {}, "stopped": {}}
    for name in sys.argv[1:] or every_scenario():
        transcript = Transcript(uri)
        with tempfile.TemporaryDirectory(prefix="tmp") as folder:
            os.chdir(folder)
            try:
                load(name).run(transcript, mlflow.MlflowClient())
            except Exception as error:
                seen["stopped"][name] = traceback.format_exc()
                transcript.steps["the scenario stopped"] = f"{type(error).__name__} at {where(error)}"
            finally:
                os.chdir(HERE)
                while mlflow.active_run():
                    mlflow.end_run()
        seen["scenarios"][name] = transcript.steps
    json.dump(seen, out, indent=1, ensure_ascii=False)
    out.flush()


def where(error):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "scenarios" in f.filename]
    return f"{pathlib.Path(frames[-1].filename).name}: {frames[-1].line}" if frames else "the runner"


if __name__ == "__main__":
    main()

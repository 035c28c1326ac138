"""
A large file goes up in parts and down in ranges with the client of this Python, and one whose parts fail is taken back.
Prints what it saw as JSON.
"""

import hashlib
import json
import os
import pathlib
import sys
import tempfile

# The whole of it is what large files do; here a large file has a megabyte.
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = str(1 << 20)
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = str(300_000)
os.environ["MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE"] = str(700_000)
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.dont_write_bytecode = True

import mlflow  # noqa: E402
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository  # noqa: E402

SIZE = 5_000_003
seen = {}
os.chdir(tempfile.mkdtemp(prefix="tmp"))
pathlib.Path("large.bin").write_bytes(os.urandom(SIZE))
pathlib.Path("small.bin").write_bytes(b"small")


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


parts = []
send = HttpArtifactRepository._upload_part


def counted(**arguments):
    parts.append(arguments["credential"].part_number)
    return send(**arguments)


HttpArtifactRepository._upload_part = staticmethod(counted)
client = mlflow.MlflowClient()
run_id = client.create_run("0").info.run_id
client.log_artifact(run_id, "large.bin", "models/a b")
client.log_artifact(run_id, "small.bin")
seen["parts"] = sorted(parts)
seen["listed"] = [[f.path, f.file_size] for f in client.list_artifacts(run_id, "models/a b")]
seen["same"] = digest(client.download_artifacts(run_id, "models/a b/large.bin", ".")) == digest("large.bin")
seen["small"] = pathlib.Path(client.download_artifacts(run_id, "small.bin")).read_text()


def failing(**arguments):
    if arguments["credential"].part_number == 3:
        raise OSError("the connection was lost")
    return send(**arguments)


HttpArtifactRepository._upload_part = staticmethod(failing)
try:
    client.log_artifact(run_id, "large.bin", "broken")
except Exception as error:
    seen["broken"] = "the connection was lost" in str(error)
seen["after"] = [f.path for f in client.list_artifacts(run_id, "broken")]
HttpArtifactRepository._upload_part = staticmethod(send)
client.log_artifact(run_id, "large.bin", "broken")
seen["again"] = [[f.path, f.file_size] for f in client.list_artifacts(run_id, "broken")]
json.dump(seen, out)
out.flush()

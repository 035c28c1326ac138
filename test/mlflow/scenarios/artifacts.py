"""Artifacts up and down: files, folders, text, dictionaries, images, empty and large files, awkward names, listing, deletion."""

import hashlib
import os
import pathlib

import mlflow
import numpy as np
from mlflow.artifacts import download_artifacts, list_artifacts, load_dict, load_text

LARGE_BYTES = 20 * 1024 * 1024


def listed(files):
    return sorted([f.path, f.is_dir, f.file_size] for f in files)


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]


def tree(folder):
    root = pathlib.Path(folder)
    return sorted([str(p.relative_to(root)), digest(p) if p.is_file() else "folder"] for p in root.rglob("*"))


def make_files():
    os.makedirs("up/sub/deeper")
    pathlib.Path("up/one.txt").write_text("one")
    pathlib.Path("up/sub/two.bin").write_bytes(bytes(range(256)))
    pathlib.Path("up/sub/deeper/empty").write_text("")
    pathlib.Path("large.bin").write_bytes(np.random.default_rng(1).bytes(LARGE_BYTES))


def run(t, client):
    make_files()
    experiment_id = mlflow.set_experiment("artifacts").experiment_id
    with mlflow.start_run(run_name="files") as active:
        run_id = active.info.run_id
        t("nothing yet", listed(client.list_artifacts(run_id)))
        mlflow.log_artifact("up/one.txt")
        mlflow.log_artifact("up/one.txt", "folder/below")
        mlflow.log_artifacts("up", "all")
        mlflow.log_artifact("large.bin")
        mlflow.log_text("grün ✓\n", "notes/text.txt")
        mlflow.log_dict({"a": [1, 2], "b": {"c": None}}, "data.json")
        mlflow.log_dict({"a": [1, 2]}, "data.yaml")
        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        t("uri", [mlflow.get_artifact_uri(), mlflow.get_artifact_uri("a/b")])
    for path in [None, "all", "all/sub", "all/sub/deeper", "folder", "nothing", "large.bin", "all/", "notes"]:
        t.tried(f"list {path}", lambda: listed(client.list_artifacts(run_id, path)))
    t("list by uri", listed(list_artifacts(f"runs:/{run_id}/all")))
    t("text", load_text(f"runs:/{run_id}/notes/text.txt"))
    t("dictionary", load_dict(f"runs:/{run_id}/data.json"))
    t("yaml", load_text(f"runs:/{run_id}/data.yaml"))
    t("table", mlflow.load_table("table.json", run_ids=[run_id]).to_dict("list"))
    downloads(t, client, run_id)
    names(t, client, experiment_id)
    overwriting(t, client, run_id)
    keyed(t, client, experiment_id)
    deleting(t, client, run_id)


def downloads(t, client, run_id):
    os.makedirs("down")
    t("one file", digest(client.download_artifacts(run_id, "all/sub/two.bin", "down")))
    t("a folder", tree(client.download_artifacts(run_id, "all", "down")))
    t("everything", len(tree(download_artifacts(run_id=run_id, dst_path="down/whole"))))
    t("large both ways", digest(client.download_artifacts(run_id, "large.bin", "down")) == digest("large.bin"))
    t("by uri", pathlib.Path(download_artifacts(f"runs:/{run_id}/all/one.txt")).read_text())
    t("by its artifact uri", pathlib.Path(download_artifacts(mlflow.get_run(run_id).info.artifact_uri + "/all/one.txt")).read_text())
    t.tried("a file that is not there", lambda: client.download_artifacts(run_id, "nothing.txt", "down"))
    t.tried("a way out", lambda: client.download_artifacts(run_id, "../../x", "down"))
    t.tried("a list outside", lambda: listed(client.list_artifacts(run_id, "../..")))


def names(t, client, experiment_id):
    run_id = client.create_run(experiment_id, run_name="names").info.run_id
    for name in ["with space.txt", "plus+.txt", "percent%41.txt", "ünï ✓.txt", "a&b=c.txt", "quote'.txt", "semi;colon.txt", "UPPER.TXT", ".hidden", "two..dots.txt", "tilde~.txt", "at@.txt", "comma,.txt", "brackets[1].txt"]:
        pathlib.Path(name).write_text(name)
        t.tried(f"up {name}", lambda: client.log_artifact(run_id, name))
        t.tried(f"down {name}", lambda: pathlib.Path(client.download_artifacts(run_id, name)).read_text())
    t("names listed", listed(client.list_artifacts(run_id)))
    for name in ["hash#.txt", "question?.txt", "back\\slash.txt", "new\nline.txt"]:
        pathlib.Path(name).write_text(name)
        t.tried(f"odd name {name!r}", lambda: client.log_artifact(run_id, name))
    for path in ["../up", "/root", "a/../../b", "a//b", "./c", "with space/ünï"]:
        t.tried(f"up to {path}", lambda: client.log_artifact(run_id, "UPPER.TXT", path))


def keyed(t, client, experiment_id):
    """Images of steps: MLflow 2 parts their names by percent signs, and some of these look like codes of odd letters."""
    run_id = client.create_run(experiment_id, run_name="keyed").info.run_id
    for step in [1, 10]:
        client.log_image(run_id, np.zeros((4, 4, 3), dtype=np.uint8), key="im", step=step, synchronous=True)
    t("images of steps", len(client.list_artifacts(run_id, "images")))


def overwriting(t, client, run_id):
    client.log_text(run_id, "first", "again.txt")
    client.log_text(run_id, "second and longer", "again.txt")
    t("the last one counts", load_text(f"runs:/{run_id}/again.txt"))
    client.log_text(run_id, "", "again.txt")
    t("also when empty", load_text(f"runs:/{run_id}/again.txt"))


def deleting(t, client, run_id):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
    repository.delete_artifacts("all/sub")
    t("a folder is gone", listed(client.list_artifacts(run_id, "all")))
    repository.delete_artifacts("again.txt")
    t("a file is gone", [f.path for f in client.list_artifacts(run_id) if f.path == "again.txt"])
    t.tried("deleted twice", lambda: repository.delete_artifacts("again.txt"))
    client.delete_run(run_id)
    t("a deleted run keeps its files", [len(client.list_artifacts(run_id)), load_text(f"runs:/{run_id}/notes/text.txt")])

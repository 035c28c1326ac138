"""The registry's life: models, versions, aliases, tags, stages, copies, downloads, and every search."""

import pathlib

import mlflow


def model_shown(m):
    return {
        "name": m.name, "description": m.description, "tags": m.tags, "aliases": m.aliases,
        "latest": sorted([v.version, v.current_stage] for v in m.latest_versions or []),
        "times": [m.creation_timestamp is not None, m.last_updated_timestamp >= m.creation_timestamp],
    }


def version_shown(v):
    return {
        "name": v.name, "version": v.version, "stage": v.current_stage, "description": v.description, "source": v.source, "run": v.run_id,
        "status": v.status, "tags": v.tags, "aliases": sorted(v.aliases), "link": v.run_link, "user": v.user_id, "message": v.status_message,
    }


def run(t, client):
    mlflow.set_experiment("registry")
    with mlflow.start_run(run_name="makes models") as active:
        for i in range(3):
            mlflow.log_text(f"model {i}", f"m{i}/data.txt")
            mlflow.log_text("flavors: {}\n", f"m{i}/MLmodel")
    run_id = active.info.run_id
    root = active.info.artifact_uri
    models(t, client)
    versions(t, client, run_id, root)
    aliases(t, client)
    stages(t, client)
    downloads(t, client, run_id)
    copies(t, client)
    deleting(t, client, run_id, root)
    searching(t, client, run_id, root)


def models(t, client):
    t("created", model_shown(client.create_registered_model("life", tags={"team": "red"}, description="a model")))
    t.tried("the same name", lambda: model_shown(client.create_registered_model("life")), says="already exists")
    for name in ["", "a/b", "a:b", "with space", "ünï ✓", "x" * 256, "x" * 257, "dots.and-dashes_1"]:
        t.tried(f"name {name[:20]!r} {len(name)}", lambda: client.create_registered_model(name).name == name)
    t.tried("an unknown model", lambda: client.get_registered_model("nobody"), says="not found")
    client.update_registered_model("life", "described")
    t("described", client.get_registered_model("life").description)
    client.set_registered_model_tag("life", "k", "v")
    client.set_registered_model_tag("life", "k", "w")
    t("tagged", client.get_registered_model("life").tags)
    client.delete_registered_model_tag("life", "k")
    t.tried("a tag deleted twice", lambda: client.delete_registered_model_tag("life", "k"))
    t("untagged", client.get_registered_model("life").tags)
    t.tried("tag an unknown model", lambda: client.set_registered_model_tag("nobody", "k", "v"))
    client.create_registered_model("old name")
    client.rename_registered_model("old name", "new name")
    t("renamed", model_shown(client.get_registered_model("new name")))
    t.tried("renamed to a taken name", lambda: client.rename_registered_model("new name", "life"))
    t.tried("the old name", lambda: client.get_registered_model("old name"))
    t.tried("rename an unknown model", lambda: client.rename_registered_model("nobody", "x"))


def versions(t, client, run_id, root):
    t("version 1", version_shown(client.create_model_version("life", f"{root}/m0", run_id, tags={"v": "1"}, description="first")))
    t("version 2", version_shown(client.create_model_version("life", f"{root}/m1", run_id)))
    t("version 3 with a link", version_shown(client.create_model_version("life", f"{root}/m1", run_id, run_link="https://example.com/run")))
    t.tried("a version without a run", lambda: client.create_model_version("life", f"{root}/m1").version)
    t("registered by uri", version_shown(mlflow.register_model(f"runs:/{run_id}/m2", "life", tags={"by": "uri"})))
    t("registered a new name", version_shown(mlflow.register_model(f"runs:/{run_id}/m2", "made by register")))
    t.tried("a version of an unknown model", lambda: client.create_model_version("nobody", f"{root}/m0", run_id))
    t.tried("an unknown version", lambda: client.get_model_version("life", "99"), says="not found")
    t.tried("a version that is no number", lambda: client.get_model_version("life", "one"))
    for source in ["/etc", "file:///etc", "mlflow-artifacts:/../../x", f"{root}/../../x", "runs:/nothing", "https://example.com/model", "mlflow-artifacts:/elsewhere/model"]:
        t.tried(f"source {source.replace(root, '<root>')}", lambda: client.create_model_version("life", source, run_id).source)
    t("updated", version_shown(client.update_model_version("life", "2", "second")))
    client.set_model_version_tag("life", "2", "k", "v")
    client.set_model_version_tag("life", "2", "gone", "v")
    client.delete_model_version_tag("life", "2", "gone")
    t.tried("a version's tag deleted twice", lambda: client.delete_model_version_tag("life", "2", "gone"))
    t("a version's tags", client.get_model_version("life", "2").tags)
    t.tried("tag an unknown version", lambda: client.set_model_version_tag("life", "99", "k", "v"))
    t("the model with versions", model_shown(client.get_registered_model("life")))


def aliases(t, client):
    client.set_registered_model_alias("life", "champion", "1")
    client.set_registered_model_alias("life", "Challenger", "2")
    client.set_registered_model_alias("life", "second", "2")
    t("by alias", client.get_model_version_by_alias("life", "champion").version)
    t("aliases of the model", client.get_registered_model("life").aliases)
    t("aliases of a version", sorted(client.get_model_version("life", "2").aliases))
    client.set_registered_model_alias("life", "champion", "2")
    t("moved", [client.get_model_version_by_alias("life", "champion").version, client.get_model_version("life", "1").aliases])
    t.tried("another case", lambda: client.get_model_version_by_alias("life", "CHAMPION").version)
    t.tried("an unknown alias", lambda: client.get_model_version_by_alias("life", "nobody"), says="not found")
    t.tried("an alias of an unknown model", lambda: client.get_model_version_by_alias("nobody", "champion"))
    t.tried("an alias for an unknown version", lambda: client.set_registered_model_alias("life", "x", "99"))
    for alias in ["latest", "v1", "V12", "with space", "a/b", "x" * 255, "x" * 256, "", "1", "a-b_c"]:
        t.tried(f"alias {alias[:20]!r} {len(alias)}", lambda: client.set_registered_model_alias("life", alias, "1"))
    t.tried("the latest", lambda: client.get_model_version_by_alias("life", "latest").version)
    client.delete_registered_model_alias("life", "second")
    t.tried("an alias deleted twice", lambda: client.delete_registered_model_alias("life", "second"))
    t("aliases left", sorted(client.get_registered_model("life").aliases))


def stages(t, client):
    t("to Staging", client.transition_model_version_stage("life", "1", "Staging").current_stage)
    t("to production", client.transition_model_version_stage("life", "2", "production").current_stage)
    t("archives the other", client.transition_model_version_stage("life", "1", "Production", archive_existing_versions=True).current_stage)
    t("archived", client.get_model_version("life", "2").current_stage)
    t.tried("an unknown stage", lambda: client.transition_model_version_stage("life", "1", "Heaven").current_stage)
    t.tried("archive with None", lambda: client.transition_model_version_stage("life", "3", "None", archive_existing_versions=True).current_stage)
    t("latest of all stages", sorted([v.version, v.current_stage] for v in client.get_latest_versions("life")))
    t("latest of one", [[v.version, v.current_stage] for v in client.get_latest_versions("life", ["Production"])])
    t("latest of a stage in lower case", [v.version for v in client.get_latest_versions("life", ["archived"])])
    t.tried("latest of an unknown stage", lambda: len(client.get_latest_versions("life", ["Heaven"])))
    t.tried("latest of an unknown model", lambda: len(client.get_latest_versions("nobody")))


def downloads(t, client, run_id):
    t("download uri", client.get_model_version_download_uri("life", "1"))
    t.tried("download uri of an unknown version", lambda: client.get_model_version_download_uri("life", "99"))
    for uri in ["models:/life/1", "models:/life@champion", "models:/life/Production", "models:/life/4", "models:/life/latest", "models:/life@nobody", "models:/life/99", "models:/nobody/1"]:
        t.tried(f"download {uri}", lambda: pathlib.Path(mlflow.artifacts.download_artifacts(f"{uri}/data.txt")).read_text())


def copies(t, client):
    t("copied", version_shown(client.copy_model_version("models:/life/1", "copy")))
    t("copied by alias", version_shown(client.copy_model_version("models:/life@champion", "copy")))
    t("the copy's download uri", client.get_model_version_download_uri("copy", "1") == client.get_model_version_download_uri("life", "1"))
    t("a copy of a copy", version_shown(client.copy_model_version("models:/copy/1", "copy of copy")))
    t("its download uri", client.get_model_version_download_uri("copy of copy", "1"))
    t("it downloads", pathlib.Path(mlflow.artifacts.download_artifacts("models:/copy of copy/1/data.txt")).read_text())
    t.tried("a copy of an unknown version", lambda: client.copy_model_version("models:/life/99", "copy"))


def deleting(t, client, run_id, root):
    client.create_registered_model("short")
    for i in range(3):
        client.create_model_version("short", f"{root}/m{i}", run_id)
    client.set_registered_model_alias("short", "last", "3")
    client.delete_model_version("short", "3")
    t.tried("a deleted version", lambda: client.get_model_version("short", "3"), says="not found")
    t.tried("deleted twice", lambda: client.delete_model_version("short", "3"))
    t.tried("its alias", lambda: client.get_model_version_by_alias("short", "last"))
    t("aliases without it", client.get_registered_model("short").aliases)
    t("its number is not used again", client.create_model_version("short", f"{root}/m0", run_id).version)
    client.delete_model_version("short", "1")
    t("versions left", sorted(v.version for v in client.search_model_versions("name = 'short'")))
    client.delete_registered_model("short")
    t.tried("a deleted model", lambda: client.get_registered_model("short"))
    t("versions of a deleted model", [v.version for v in client.search_model_versions("name = 'short'")])
    t.tried("delete it twice", lambda: client.delete_registered_model("short"))
    client.create_registered_model("short")
    t("a new model of that name starts at", client.create_model_version("short", f"{root}/m0", run_id).version)


MODEL_FILTERS = [
    "name = 'find a'", "name != 'find a' AND name LIKE 'find%'", "name LIKE 'find%'", "name ILIKE 'FIND%'", "name LIKE 'FIND%'", "tags.kind = 'x'", "tag.kind = 'x' AND name LIKE 'find%'",
    "tags.kind != 'x' AND name LIKE 'find%'", "tags.kind LIKE '%'", "tags.`my key` = 'y'", "attribute.name = 'find a'", "attributes.name = 'find a'",
]
BAD_MODEL_FILTERS = ["name > 'a'", "nothing = 'a'", "name = 'a' OR name = 'b'", "name", "name IN ('a')", "version = 1", "tags.kind = x", "name = 'find a' AND", "run_id = 'x'", "metrics.a = 1"]
VERSION_FILTERS = [
    "name = 'find a'", "name LIKE 'find%'", "name ILIKE 'FIND%'", "name = 'find a' AND version_number = 2", "name = 'find a' AND version_number > 1", "name = 'find a' AND version_number != 1",
    "name = 'find a' AND version_number <= 2", "tags.kind = 'x'", "tags.kind != 'x' AND name LIKE 'find%'", "source_path LIKE '%/m1' AND name LIKE 'find%'", "source_path = 'nothing'", "name = 'find a' AND tags.kind = 'x'",
    "attributes.name = 'find a'", "tags.`my key` = 'y'",
]
BAD_VERSION_FILTERS = ["version = 1", "version_number = 'one'", "version_number LIKE '1'", "nothing = 'a'", "name = 'a' OR name = 'b'", "name IN ('a', 'b')", "current_stage = 'None'", "tags.kind > 'x'"]


def searching(t, client, run_id, root):
    for name, tags in [("find c", {"kind": "x"}), ("find a", {}), ("find b", {"kind": "z", "my key": "y"}), ("Find d", {"kind": "x"})]:
        client.create_registered_model(name, tags)
        for i in range(3 if name == "find a" else 1):
            client.create_model_version(name, f"{root}/m{i}", run_id, tags=tags | ({"kind": "x"} if i == 1 else {}))
    models = lambda *a, **k: [m.name for m in client.search_registered_models(*a, **k)]  # noqa: E731
    for text in MODEL_FILTERS:
        t.tried(f"models {text}", lambda: models(text))
    for text in BAD_MODEL_FILTERS:
        t.tried(f"bad models {text}", lambda: models(text))
    like = "name ILIKE 'find%'"
    for order in [None, ["name"], ["name DESC"], ["timestamp"], ["timestamp DESC", "name"], ["last_updated_timestamp ASC", "name"], ["attribute.name DESC"], ["nothing"], ["name SIDEWAYS"], ["tags.kind"], ["name", "name DESC"]]:
        t.tried(f"models by {order}", lambda: sorted(models(like, order_by=order)) if order and "time" in order[0] else models(like, order_by=order))
    page = client.search_registered_models(like, max_results=3)
    t("models page 1", [[m.name for m in page], bool(page.token)])
    page = client.search_registered_models(like, max_results=3, page_token=page.token)
    t("models page 2", [[m.name for m in page], bool(page.token)])
    for wanted in (0, 1, 1000, 1001):
        t.tried(f"models, {wanted} wanted", lambda: len(models(like, max_results=wanted)))
    t.tried("models, a bad token", lambda: models(page_token="nonsense"))
    t("without a filter", sorted(name for name in models() if name in ("life", "copy", "short", "old name", "find a")))
    search_versions(t, client, run_id)


def search_versions(t, client, run_id):
    found = lambda *a, **k: [[v.name, v.version] for v in client.search_model_versions(*a, **k)]  # noqa: E731
    for text in VERSION_FILTERS:
        t.tried(f"versions {text}", lambda: found(text, order_by=["name", "version_number"]))
    for text in BAD_VERSION_FILTERS:
        t.tried(f"bad versions {text}", lambda: found(text))
    t("versions of a run", len(found(f"run_id = '{run_id}' AND name LIKE 'find%'")))
    t("versions of runs", len(found(f"run_id IN ('{run_id}', 'x') AND name LIKE 'find%'")))
    t("versions of no run", found("run_id = 'nothing'"))
    like = "name ILIKE 'find%'"
    for order in [["name"], ["name DESC", "version_number"], ["version_number DESC", "name"], ["creation_timestamp ASC", "name", "version_number"], ["last_updated_timestamp", "name", "version_number"], ["nothing"], ["source_path"], ["name", "name"]]:
        t.tried(f"versions by {order}", lambda: sorted(found(like, order_by=order)) if "time" in order[0] or order == ["name"] else found(like, order_by=order))
    page = client.search_model_versions(like, max_results=4, order_by=["name", "version_number"])
    t("versions page 1", [[[v.name, v.version] for v in page], bool(page.token)])
    page = client.search_model_versions(like, max_results=4, order_by=["name", "version_number"], page_token=page.token)
    t("versions page 2", [[[v.name, v.version] for v in page], bool(page.token)])
    whole = client.search_model_versions("name = 'find a' AND version_number = 2")[0]
    t("a found version is whole", version_shown(whole))
    t("fluent", [[m.name for m in mlflow.search_registered_models(filter_string=like)], len(mlflow.search_model_versions(filter_string=like))])

"""Experiments: making, naming, tagging, deleting, restoring, and every search over them."""

import time

import mlflow
from mlflow.entities import ViewType


def run(t, client):
    first = client.create_experiment("exp alpha", tags={"team": "red", "v": "1"})
    made = client.get_experiment(first)
    t("created", {"name": made.name, "stage": made.lifecycle_stage, "tags": made.tags, "at": made.artifact_location,
                  "times": [bool(made.creation_time), made.creation_time == made.last_update_time]})
    t("by name", client.get_experiment_by_name("exp alpha").experiment_id == first)
    t("by an unknown name", client.get_experiment_by_name("exp nobody"))
    t.tried("by an unknown id", lambda: client.get_experiment("987654"), says="No Experiment with id=987654 exists")
    t.tried("by an id that is no number", lambda: client.get_experiment("abc"))
    t.tried("the same name", lambda: client.create_experiment("exp alpha"), says="already exists")
    for name in ["", "x" * 500, "x" * 501, " exp space ", "exp/slash", "exp 'quote\"", "exp ünï ✓"]:
        t.tried(f"name {name[:20]!r} {len(name)}", lambda: bool(client.create_experiment(name)))
    t("named as given", client.get_experiment_by_name(" exp space ") is not None)
    client.set_experiment_tag(first, "v", "2")
    client.set_experiment_tag(first, "long", "y" * 5000)
    t.tried("a tag over the limit", lambda: client.set_experiment_tag(first, "longer", "y" * 5001))
    t("tags", {k: len(v) for k, v in client.get_experiment(first).tags.items()})
    if hasattr(client, "delete_experiment_tag"):
        client.delete_experiment_tag(first, "long")
        t("tag deleted", sorted(client.get_experiment(first).tags))
        t.tried("a tag deleted twice", lambda: client.delete_experiment_tag(first, "long"))
    client.rename_experiment(first, "exp beta")
    t("renamed", [client.get_experiment(first).name, client.get_experiment_by_name("exp alpha")])
    other = client.create_experiment("exp gamma", tags={"team": "blue"})
    t.tried("renamed to a name that is taken", lambda: client.rename_experiment(first, "exp gamma"))
    lifecycle(t, client, other)
    placed = client.create_experiment("exp placed", artifact_location="mlflow-artifacts:/elsewhere")
    t("placed", client.get_experiment(placed).artifact_location)
    t.tried("a location with a fragment", lambda: client.create_experiment("exp bad", artifact_location="mlflow-artifacts:/x#y"))
    t("the default one", [client.get_experiment("0").name, client.get_experiment("0").lifecycle_stage])
    t.tried("delete the default one", lambda: client.delete_experiment("0"))
    t.tried("restore the default one", lambda: client.restore_experiment("0"))
    searching(t, client)


def lifecycle(t, client, experiment_id):
    run_id = client.create_run(experiment_id).info.run_id
    client.delete_experiment(experiment_id)
    t("deleted", client.get_experiment(experiment_id).lifecycle_stage)
    t("its run", client.get_run(run_id).info.lifecycle_stage)
    t.tried("a run in a deleted one", lambda: client.create_run(experiment_id))
    t.tried("set_experiment on a deleted one", lambda: mlflow.set_experiment("exp gamma"), says="deleted experiment")
    t.tried("its name is still taken", lambda: client.create_experiment("exp gamma"), says="already exists")
    t.tried("tag a deleted one", lambda: client.set_experiment_tag(experiment_id, "a", "b"))
    t.tried("delete twice", lambda: client.delete_experiment(experiment_id))
    client.restore_experiment(experiment_id)
    t("restored", [client.get_experiment(experiment_id).lifecycle_stage, client.get_run(run_id).info.lifecycle_stage])
    t.tried("restore twice", lambda: client.restore_experiment(experiment_id))


FILTERS = [
    "name = 'find b'",
    "name != 'find b' AND name LIKE 'find %'",
    "name LIKE 'find%'",
    "name LIKE 'FIND%'",
    "name ILIKE 'FIND%'",
    "name LIKE 'find _'",
    "attribute.name = 'find b'",
    "attr.name = \"find b\"",
    "tags.color = 'red'",
    "tags.color != 'red' AND name LIKE 'find%'",
    "tags.color ILIKE 'R%'",
    "tag.color = 'red' AND tags.size = '2'",
    "tags.`my key` = 'x'",
    "tags.\"my key\" = 'x'",
    "creation_time > 0 AND name LIKE 'find%'",
    "creation_time < 5",
    "last_update_time >= 1 AND name = 'find a'",
]
BAD = [
    "name = find",
    "name",
    "name = 'a' OR name = 'b'",
    "NOT name = 'a'",
    "nothing = 'a'",
    "metrics.a = 1",
    "creation_time = 'now'",
    "name > 'a'",
    "name IN ('find a', 'find b')",
    "tags.color > 'red'",
    "name = 'a' AND",
    "(name = 'a')",
]


def searching(t, client):
    for name, tags in [
        ("find c", {"color": "red", "size": "1"}),
        ("find a", {"color": "blue"}),
        ("find b", {"color": "red", "size": "2", "my key": "x"}),
        ("Find d", {}),
    ]:
        client.create_experiment(name, tags=tags)
        time.sleep(0.003)  # Orders by creation time need times that differ.
    names = lambda found: [e.name for e in found if e.name.lower().startswith("find")]  # noqa: E731
    for text in FILTERS:
        t.tried(f"search {text}", lambda: names(client.search_experiments(filter_string=text, order_by=["name"])))
    for text in BAD:
        t.tried(f"bad search {text}", lambda: names(client.search_experiments(filter_string=text)))
    like = "name ILIKE 'find%'"
    for order in [["name"], ["name DESC"], ["name ASC"], ["creation_time"], ["experiment_id DESC"], ["attribute.name desc"], None,
                  ["nothing"], ["name name"], ["name", "name DESC"]]:
        t.tried(f"order {order}", lambda: names(client.search_experiments(filter_string=like, order_by=order)))
    page = client.search_experiments(filter_string=like, order_by=["name"], max_results=3)
    t("page 1", [names(page), bool(page.token)])
    page = client.search_experiments(filter_string=like, order_by=["name"], max_results=3, page_token=page.token)
    t("page 2", [names(page), bool(page.token)])
    t.tried("a page that is just full", lambda: bool(client.search_experiments(filter_string=like, max_results=4).token))
    t.tried("a bad token", lambda: client.search_experiments(page_token="nonsense"))
    t.tried("no results wanted", lambda: client.search_experiments(max_results=0))
    t.tried("too many wanted", lambda: client.search_experiments(max_results=50001))
    client.delete_experiment(client.get_experiment_by_name("find a").experiment_id)
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        t(f"view {view}", names(client.search_experiments(view, filter_string=like, order_by=["name"])))
    t("fluent", names(mlflow.search_experiments(filter_string=like, order_by=["name"])))

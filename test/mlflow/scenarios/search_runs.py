"""Run search: the whole filter and order grammar over a small set of runs whose answers a reader can check by eye."""

import mlflow
from mlflow.entities import Metric, Param, RunTag

RUNS = [
    # name, params, metrics, tags
    ("a", {"lr": "0.1", "opt": "adam"}, {"acc": 0.9, "loss": 0.1}, {"team": "red"}),
    ("b", {"lr": "0.01", "opt": "sgd"}, {"acc": 0.8, "loss": 0.2}, {"team": "blue"}),
    ("c", {"lr": "0.001", "opt": "Adam"}, {"acc": float("nan"), "loss": 0.3}, {"team": "Red", "my tag": "x"}),
    ("d", {"opt": "rms"}, {"loss": 0.1}, {}),
    ("e", {"lr": "1"}, {"acc": float("inf")}, {"team": "green", "a.b-c/d": "it's"}),
    ("f", {"lr": "0.1"}, {"acc": float("-inf"), "my metric": 1}, {"team": "50%_off"}),
    ("g", {}, {}, {}),
    ("h", {"lr": "0.1", "opt": "adam", "a b": "x"}, {"acc": 0.9, "loss": 0.05}, {"team": "red"}),
]

FILTERS = [
    None, "", "  ",
    "metrics.acc > 0.8", "metrics.acc >= 0.8", "metrics.acc < 0.9", "metrics.acc <= 0.9", "metrics.acc = 0.9", "metrics.acc != 0.9",
    "metric.acc = .9", "metrics.acc > -1", "metrics.acc > 1e-1", "metrics.loss = 0.1 AND metrics.acc > 0",
    "metrics.`my metric` = 1", 'metrics."my metric" = 1', "metrics.nothing > 0",
    "params.lr = '0.1'", 'params.lr = "0.1"', "params.lr != '0.1'", "param.lr = '0.1'", "parameters.lr = '0.1'", "parameter.lr = '0.1'",
    "params.opt LIKE 'a%'", "params.opt ILIKE 'a%'", "params.opt LIKE '_dam'", "params.opt like 'adam'", "params.`a b` = 'x'",
    "params.lr = '0.1' AND params.opt = 'adam'", "params.lr = '0.1' and params.opt != 'adam'",
    "tags.team = 'red'", "tag.team = 'red'", "tags.team != 'red'", "tags.team ILIKE 'red'", "tags.team LIKE '%e%'",
    "tags.team LIKE '50%'", "tags.team LIKE '50\\%%'", "tags.`my tag` = 'x'", 'tags.`a.b-c/d` = "it\'s"', "tags.a.b-c/d LIKE 'it%'",
    "tags.mlflow.runName = 'a'",
    "attributes.status = 'RUNNING'", "attribute.status = 'finished'", "attr.status != 'RUNNING'", "run.status = 'FINISHED'", "status = 'FINISHED'",
    "status LIKE 'FIN%'", "status ILIKE 'fin%'",
    "attributes.run_name = 'a'", "run_name != 'a'", "run_name LIKE '%a%'", "attributes.`run name` = 'a'", "attributes.'Run name' = 'a'", "run_name ILIKE 'A'",
    "attributes.user_id = 'nobody'", "artifact_uri LIKE 'mlflow-artifacts:%'",
    "start_time > 0", "start_time < 1003", "attributes.start_time >= 1006", "created > 1005", "attributes.created <= 1001", "start_time = 1002", "start_time != 1002",
    "end_time > 0", "attributes.end_time = 5000",
    "metrics.acc > 0.5 AND params.lr = '0.1' AND tags.team = 'red' AND status = 'FINISHED'",
    "params.lr = '0.1' AND params.lr != '0.2'",
    "params.opt IS NULL", "params.opt IS NOT NULL", "tags.team IS NULL", "tags.team is not null AND metrics.acc > 0",
    "tags.`nothing at all` IS NULL AND run_name = 'a'",
]

BAD = [
    "metrics.acc > '0.8'", "metrics.acc LIKE 'a'", "metrics.acc", "metrics.acc >", "> 0.8", "params.lr = 0.1", "params.lr > '0.1'", "params.lr = lr",
    "tags.team > 'a'", "nothing.x = 'a'", "nothing = 'a'", "status = 1", "status > 'A'", "start_time = 'x'", "start_time LIKE 'x'",
    "params.lr = '0.1' OR params.lr = '1'", "NOT params.lr = '0.1'", "(params.lr = '0.1')", "params.lr = '0.1' AND", "AND params.lr = '0.1'",
    "params.lr IN ('0.1', '1')", "tags.team IN ('red')", "run_name IN ('a', 'b')", "run_id IN 'a'", "run_id IN (1, 2)", "run_id IN ()",
    "metrics.acc IS NULL", "status IS NULL", "params.lr = '0.1", "params.lr == '0.1'", "metrics.acc <> 1", "params. = 'x'", "metrics.a b = 1",
    "params.lr = '0.1' params.opt = 'a'", "params.lr = '0.1'; DROP TABLE runs", "params.lr ~ 'x'", "1 = 1", "metrics.acc > 0.8 AND AND metrics.acc < 1",
    "dataset.nothing = 'x'", "params.lr BETWEEN '0' AND '1'", "'x' = params.lr", "params.lr = params.opt",
]

ORDERS = [
    None, ["metrics.acc"], ["metrics.acc DESC"], ["metrics.acc ASC", "run_name"], ["metrics.acc desc", "run_name DESC"], ["metrics.loss", "metrics.acc DESC", "run_name"],
    ["params.lr", "run_name"], ["params.lr DESC", "run_name"], ["tags.team", "run_name"], ["tags.team DESC", "run_name DESC"],
    ["attributes.start_time"], ["start_time DESC"], ["attribute.run_name DESC"], ["run_name"], ["attributes.status", "run_name"], ["end_time DESC", "run_name"], ["created"],
    ["metrics.`my metric` DESC", "run_name"], ["metrics.nothing", "run_name"], ["params.`a b` DESC", "run_name"], ["tags.`my tag`", "run_name"], ["Run name DESC"],
]
BAD_ORDERS = [["nothing"], ["metrics.acc SIDEWAYS"], ["metrics.acc", "metrics.acc DESC"], ["acc"], [""], ["metrics"], ["dataset.name"], ["metrics.acc DESC run_name"]]


def fill(client):
    experiment_id = client.create_experiment("search runs")
    ids = {}
    for position, (name, params, metrics, tags) in enumerate(RUNS):
        run = client.create_run(experiment_id, start_time=1000 + position, run_name=name)
        ids[name] = run.info.run_id
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(k, v, 1, 0) for k, v in metrics.items()],
            params=[Param(k, v) for k, v in params.items()],
            tags=[RunTag(k, v) for k, v in tags.items()],
        )
        if name in "abh":
            client.set_terminated(run.info.run_id, end_time=5000 + position)
    # The latest value counts in a filter, not the largest that was ever logged.
    client.log_metric(ids["b"], "acc", 0.95, step=-1, timestamp=1)
    return experiment_id, ids


def run(t, client):
    experiment_id, ids = fill(client)

    def found(text=None, order=("run_name",), **more):
        order = list(order) if order is not None else None
        return [r.info.run_name for r in client.search_runs([experiment_id], text, order_by=order, **more)]

    for text in FILTERS:
        t.tried(f"filter {text}", lambda: found(text))
    for text in BAD:
        t.tried(f"bad filter {text}", lambda: found(text))
    for order in ORDERS:
        t.tried(f"order {order}", lambda: found(order=order))
    for order in BAD_ORDERS:
        t.tried(f"bad order {order}", lambda: found(order=order))
    by_id = {
        "one": f"run_id = '{ids['a']}'",
        "not one": f"attributes.run_id != '{ids['a']}'",
        "in": f"attributes.run_id IN ('{ids['a']}', '{ids['c']}')",
        "not in": f"run_id NOT IN ('{ids['a']}', '{ids['c']}')",
        "in and more": f"run_id IN ('{ids['a']}', '{ids['c']}') AND metrics.loss < 0.2",
        "like": f"run_id LIKE '{ids['a'][:8]}%'",
    }
    for name, text in by_id.items():
        t.tried(f"run id {name}", lambda: found(text))
    paging(t, client, experiment_id)
    several(t, client, experiment_id)
    whole = client.search_runs([experiment_id], "run_name = 'a'")[0]
    t("a found run is whole", [whole.data.params, whole.data.metrics, whole.info.end_time, whole.info.artifact_uri])
    frame = mlflow.search_runs([experiment_id], order_by=["run_name"])
    t("as a frame", [sorted(frame.columns), frame["metrics.acc"].tolist(), frame["params.lr"].tolist()])


def paging(t, client, experiment_id):
    for size in (1, 3, 4, 8, 100):
        seen, token, pages = [], None, 0
        while pages < 20:
            page = client.search_runs([experiment_id], order_by=["metrics.acc DESC"], max_results=size, page_token=token)
            seen += [r.info.run_name for r in page]
            pages += 1
            token = page.token
            if not token:
                break
        t(f"pages of {size}", [pages, seen])
    t.tried("a bad token", lambda: len(client.search_runs([experiment_id], page_token="nonsense")))
    t.tried("no results wanted", lambda: len(client.search_runs([experiment_id], max_results=0)))
    t.tried("fewer than none wanted", lambda: len(client.search_runs([experiment_id], max_results=-1)))
    t.tried("too many wanted", lambda: len(client.search_runs([experiment_id], max_results=50001)))
    t.tried("as many as allowed", lambda: len(client.search_runs([experiment_id], max_results=50000)))


def several(t, client, experiment_id):
    other = client.create_experiment("search runs elsewhere")
    client.create_run(other, run_name="z", start_time=2000)
    names = lambda ids: [r.info.run_name for r in client.search_runs(ids, order_by=["run_name DESC"])]  # noqa: E731
    t("two experiments", names([experiment_id, other]))
    t("no experiment", names([]))
    t.tried("an unknown experiment", lambda: names(["987654"]))
    t.tried("an experiment twice", lambda: names([other, other]))
    t.tried("an experiment id that is no number", lambda: names(["abc"]))
    client.delete_experiment(other)
    t("a deleted experiment", names([other]))

"""
The protocol without a client: odd bodies, types, paths and unknown routes, on which clients' fallbacks and retries depend,
and the calls that only browsers make.
"""

import json

import requests

# The same for every client: recorded once, from the newest server.
SINCE = 3

API = "/api/2.0/mlflow/"


class Wire:
    def __init__(self, t):
        self.t = t
        self.http = requests.Session()

    def send(self, method, path, **more):
        return self.http.request(method, self.t.uri + path, timeout=60, **more)

    def __call__(self, step, method, path, show=None, **more):
        """Records status, kind of body and error code; `show` adds part of a good answer."""
        answer = self.send(method, path, **more)
        seen = {"status": answer.status_code}
        body = parsed(answer)
        code = body.get("error_code") if isinstance(body, dict) else None
        if answer.status_code == 404 and code in (None, "ENDPOINT_NOT_FOUND"):
            # Either makes a client fall back to older calls; any other code does not.
            seen["code"] = "no such call"
        elif answer.status_code >= 400 and answer.status_code != 405:
            seen["code"] = code
            if isinstance(body, dict) and "message" in body:
                seen["message"] = isinstance(body["message"], str) and len(body["message"]) > 0
        elif show is not None:
            seen["shows"] = show(body if body is not None else answer)
        self.t(step, seen)
        return body


def parsed(answer):
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        return None
    try:
        return answer.json()
    except requests.JSONDecodeError:
        return None


def run(t, client):
    wire = Wire(t)
    post = lambda path, body: wire.send("POST", API + path, json=body).json()  # noqa: E731
    experiment_id = post("experiments/create", {"name": "wire"})["experiment_id"]
    run_id = post("runs/create", {"experiment_id": experiment_id, "run_name": "wire", "start_time": 1})["run"]["info"]["run_id"]
    routes(wire, run_id)
    shapes(wire, experiment_id, run_id)
    bodies(wire, experiment_id, run_id)
    missing(wire, run_id)
    limits(wire, run_id)
    history(wire, client, experiment_id)
    files(wire, experiment_id, run_id)


def routes(wire, run_id):
    wire("health", "GET", "/health", show=lambda a: a.text)
    wire("version", "GET", "/version", show=lambda a: a.text.count("."))
    wire("no such call", "GET", API + "nothing/at-all")
    wire("no such call with POST", "POST", API + "nothing/at-all", json={})
    wire("no such version of the API", "POST", "/api/9.0/mlflow/runs/create", json={})
    wire("a wrong method", "GET", API + "runs/create")
    wire("a wrong method on search", "PUT", API + "runs/search", json={})
    wire("for browsers", "GET", "/ajax-api/2.0/mlflow/runs/get", params={"run_id": run_id}, show=lambda b: b["run"]["info"]["run_name"])
    wire("a slash too many at the end", "GET", API + "runs/get/", params={"run_id": run_id})
    wire("slashes too many", "GET", "//api/2.0/mlflow/runs/get", params={"run_id": run_id})
    wire("no such call of version 3", "GET", "/api/3.0/mlflow/nothing")


def shapes(wire, experiment_id, run_id):
    keys = lambda value: sorted(value)  # noqa: E731
    wire("a new run", "POST", API + "runs/create", json={"experiment_id": experiment_id, "start_time": 5}, show=lambda b: [keys(b), keys(b["run"]), keys(b["run"]["info"])])
    wire("a run", "GET", API + "runs/get", params={"run_id": run_id}, show=lambda b: [keys(b["run"]["info"]), b["run"]["info"]["start_time"], b["run"]["info"]["status"], type(b["run"]["info"]["start_time"]).__name__])
    wire("a run by its old name", "GET", API + "runs/get", params={"run_uuid": run_id}, show=lambda b: b["run"]["info"]["run_id"])
    wire("an experiment", "GET", API + "experiments/get", params={"experiment_id": experiment_id}, show=lambda b: [keys(b["experiment"].keys() - {"workspace"}), type(b["experiment"]["creation_time"]).__name__])
    wire("a metric", "POST", API + "runs/log-metric", json={"run_id": run_id, "key": "m", "value": 1, "timestamp": 7, "step": 3}, show=lambda b: b)
    wire("a metric as text", "POST", API + "runs/log-metric", json={"run_uuid": run_id, "key": "n", "value": "NaN", "timestamp": "8", "step": "-3"}, show=lambda b: b)
    wire("an infinite metric", "POST", API + "runs/log-metric", json={"run_id": run_id, "key": "i", "value": "-Infinity", "timestamp": 8}, show=lambda b: b)
    wire("metrics come back", "GET", API + "runs/get", params={"run_id": run_id}, show=lambda b: sorted(b["run"]["data"]["metrics"], key=lambda m: m["key"]))
    wire("unknown fields", "POST", API + "runs/set-tag", json={"run_id": run_id, "key": "a", "value": "b", "nothing": [1]}, show=lambda b: b)
    wire("an empty search", "POST", API + "runs/search", json={"experiment_ids": []}, show=lambda b: b)
    wire("an empty update", "POST", API + "runs/update", json={"run_id": run_id}, show=lambda b: [keys(b), b["run_info"]["status"]])
    wire("a status by number", "POST", API + "runs/update", json={"run_id": run_id, "status": 2}, show=lambda b: b["run_info"]["status"])
    wire("a status by name", "POST", API + "runs/update", json={"run_id": run_id, "status": "FINISHED", "end_time": 9}, show=lambda b: [b["run_info"]["status"], b["run_info"]["end_time"]])
    wire("experiments by GET", "GET", API + "experiments/search", params={"max_results": 1, "filter": "name = 'wire'"}, show=lambda b: [e["name"] for e in b["experiments"]])
    wire("two orders by GET", "GET", API + "experiments/search", params={"max_results": 5, "filter": "name LIKE 'wire%'", "order_by": ["name DESC", "creation_time"]}, show=lambda b: len(b["experiments"]))
    wire("experiments without a number", "GET", API + "experiments/search")
    wire("models", "GET", API + "registered-models/search", params={"filter": "name = 'no such model'"}, show=lambda b: b)
    wire("search of runs of deleted", "POST", API + "runs/search", json={"experiment_ids": [experiment_id], "run_view_type": "DELETED_ONLY"}, show=lambda b: b)


def bodies(wire, experiment_id, run_id):
    tag = json.dumps({"run_id": run_id, "key": "k", "value": "v"})
    as_json = {"Content-Type": "application/json"}
    send = lambda step, data, headers: wire(step, "POST", API + "runs/set-tag", data=data, headers=headers, show=lambda b: b)  # noqa: E731
    send("with a charset", tag, {"Content-Type": "application/json; charset=utf-8"})
    send("encoded twice", json.dumps(tag), as_json)
    send("no JSON", "{", as_json)
    send("nothing", "", as_json)
    send("null", "null", as_json)
    send("a list", "[]", as_json)
    send("a number", "5", as_json)
    send("text as type", tag, {"Content-Type": "text/plain"})
    send("no type", tag, {"Content-Type": ""})
    send("a form", tag, {"Content-Type": "application/x-www-form-urlencoded"})
    send("not UTF-8", b'{"run_id": "\xff"}', as_json)
    send("a long value", json.dumps({"run_id": run_id, "key": "long", "value": "x" * 5000}), as_json)
    send("null fields", json.dumps({"run_id": run_id, "key": None, "value": "v"}), as_json)
    wire("GET with a body", "GET", API + "runs/get", json={"run_id": run_id})


def missing(wire, run_id):
    metric = {"run_id": run_id, "key": "k", "value": 1, "timestamp": 1}
    for field in metric:
        wire(f"a metric without {field}", "POST", API + "runs/log-metric", json={k: v for k, v in metric.items() if k != field})
    for field, value in [("key", 5), ("key", ["a"]), ("value", "high"), ("value", None), ("value", True), ("timestamp", "soon"), ("timestamp", 1.5), ("timestamp", -1), ("step", "x"), ("step", 1.5), ("run_id", 31), ("run_id", {}), ("run_id", "../x"), ("run_id", "")]:
        wire(f"a metric with {field} {value!r}", "POST", API + "runs/log-metric", json={**metric, field: value})
    for path in ["runs/get", "runs/log-parameter", "runs/set-tag", "runs/delete", "runs/restore", "runs/update", "runs/log-batch", "experiments/create", "experiments/delete", "experiments/update", "experiments/set-experiment-tag",
                 "registered-models/create", "model-versions/create", "registered-models/get-latest-versions", "runs/log-inputs", "runs/log-model"]:
        wire(f"{path} of nothing", "GET" if path.endswith("/get") else "POST", API + path, **({} if path.endswith("/get") else {"json": {}}))
    for body in [{"metrics": "x"}, {"metrics": [5]}, {"metrics": [{"key": "a"}]}, {"metrics": [{"key": "a", "value": "b", "timestamp": 1, "step": 0}]}, {"params": [{"value": "x"}]}, {"params": {"a": "b"}}, {"tags": [{"key": 5, "value": "x"}]}]:
        wire(f"a batch of {json.dumps(body)}", "POST", API + "runs/log-batch", json={"run_id": run_id, **body})
    wire("max_results of no number", "POST", API + "runs/search", json={"experiment_ids": ["0"], "max_results": "many"})
    wire("experiment_ids of no list", "POST", API + "runs/search", json={"experiment_ids": "0"})


def limits(wire, run_id):
    batch = lambda n, kind, make: {"run_id": run_id, kind: [make(i) for i in range(n)]}  # noqa: E731
    metric = lambda i: {"key": f"m{i}", "value": i, "timestamp": 1, "step": 0}  # noqa: E731
    pair = lambda i: {"key": f"k{i}", "value": "v"}  # noqa: E731
    for n, kind, make in [(1001, "metrics", metric), (101, "params", pair), (101, "tags", pair)]:
        wire(f"{n} {kind}", "POST", API + "runs/log-batch", json=batch(n, kind, make))
    wire("too much in all", "POST", API + "runs/log-batch", json={**batch(1000, "metrics", metric), "tags": [pair(1)]})
    wire("nothing of it was logged", "GET", API + "runs/get", params={"run_id": run_id}, show=lambda b: [len(b["run"]["data"]["metrics"]), len(b["run"]["data"].get("params", []))])
    wire("a batch with a bad key", "POST", API + "runs/log-batch", json={"run_id": run_id, "metrics": [metric(1), {**metric(2), "key": "a//b"}]})
    wire("a param value too long", "POST", API + "runs/log-parameter", json={"run_id": run_id, "key": "long", "value": "x" * 6001})
    wire("an integer beyond 64 bits", "POST", API + "runs/log-metric", json={"run_id": run_id, "key": "big", "value": 1, "timestamp": 2**63})
    wire("the largest step", "POST", API + "runs/log-metric", json={"run_id": run_id, "key": "big", "value": 1, "timestamp": 1, "step": 2**63 - 1})


def history(wire, client, experiment_id):
    from mlflow.entities import Metric

    ids = []
    for r in range(2):
        run_id = client.create_run(experiment_id, run_name=f"history {r}").info.run_id
        ids.append(run_id)
        for start in range(0, 3000, 1000):
            client.log_batch(run_id, metrics=[Metric("m", (s * 7) % 100 + r, 1000 + s, s) for s in range(start, start + 1000)])
    first = lambda b: [len(b.get("metrics", [])), b["metrics"][:2], "next_page_token" in b]  # noqa: E731
    get = lambda step, path, show, **params: wire(step, "GET", path, params=params, show=show)  # noqa: E731
    body = get("a page of history", API + "metrics/get-history", first, run_id=ids[0], metric_key="m", max_results=10)
    get("the next page", API + "metrics/get-history", first, run_id=ids[0], metric_key="m", max_results=10, page_token=body["next_page_token"])
    get("history with a bad token", API + "metrics/get-history", first, run_id=ids[0], metric_key="m", max_results=10, page_token="nonsense")
    get("history of an unknown run", API + "metrics/get-history", lambda b: b, run_id="0" * 32, metric_key="m", max_results=10)
    get("history without a key", API + "metrics/get-history", lambda b: b, run_id=ids[0])
    # Which steps a thinned history keeps is the server's choice; what users rely on is recorded.
    thin = lambda b: [[1 < len(of(b, i)) <= 40, of(b, i)[0]["step"], of(b, i)[-1]["step"], sorted(of(b, i)[0])] for i in ids]  # noqa: E731
    of = lambda b, i: [m for m in b["metrics"] if m["run_id"] == i]  # noqa: E731
    bulk = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
    get("thinned", bulk, thin, run_ids=ids, metric_key="m", max_results=20)
    steps = lambda b: sorted({m["step"] for m in b["metrics"]})  # noqa: E731
    get("a piece of it", bulk, steps, run_ids=ids[0], metric_key="m", start_step=10, end_step=14, max_results=100)
    get("a piece the wrong way round", bulk, steps, run_ids=ids[0], metric_key="m", start_step=14, end_step=10)
    get("half a piece", bulk, steps, run_ids=ids[0], metric_key="m", start_step=14)
    get("too many points wanted", bulk, steps, run_ids=ids[0], metric_key="m", max_results=2501)
    get("no points wanted", bulk, steps, run_ids=ids[0], metric_key="m", max_results=0)
    get("without runs", bulk, steps, metric_key="m")
    get("too many runs", bulk, steps, run_ids=[f"{i:032x}" for i in range(101)], metric_key="m")
    get("an unknown key", bulk, lambda b: b, run_ids=ids[0], metric_key="nothing")
    get("all of two runs", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", lambda b: len(b["metrics"]), run_id=ids, metric_key="m")
    get("some of two runs", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", lambda b: len(b["metrics"]), run_id=ids, metric_key="m", max_results=100)


def files(wire, experiment_id, run_id):
    root = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts"
    named = lambda a, name: name in a.headers.get("Content-Disposition", "") and a.headers["Content-Disposition"].startswith("attachment")  # noqa: E731
    head = lambda a, name: [named(a, name), a.headers.get("Content-Type", "").split(";")[0], a.headers.get("X-Content-Type-Options"), len(a.content)]  # noqa: E731
    wire("put", "PUT", f"{root}/a/data.bin", data=b"x" * 100)
    wire("put in chunks", "PUT", f"{root}/a/chunks.txt", data=iter([b"one", b"two"]))
    wire("put nothing", "PUT", f"{root}/a/empty.txt", data=b"")
    for name in ["data.bin", "chunks.txt", "empty.txt"]:
        wire(f"get {name}", "GET", f"{root}/a/{name}", show=lambda b, name=name: head(b, name))
    for name, data in [("MLmodel", b"flavors: {}\n"), ("x.json", b"{}"), ("x.html", b"<p>"), ("x.yaml", b"a: 1\n"), ("x.png", b"\x89PNG"), ("noext", b"x"), ("x.py", b"1"), ("x.svg", b"<svg/>")]:
        wire.send("PUT", f"{root}/{name}", data=data)
        answer = wire.send("GET", f"{root}/{name}")
        wire.t(f"type of {name}", head(answer, name))
    wire("get what is not there", "GET", f"{root}/nothing")
    wire("get a folder", "GET", f"{root}/a")
    for path in ["../x", "%2e%2e/x", "%252e%252e/x", "a/../../../../../x", "..%2fx", "%2fetc%2fpasswd", "a%5C..%5C..%5Cx", "a%00b", "C:/x", "a%23b"]:
        for method in ["GET", "PUT", "DELETE"]:
            # The path is sent as it stands: clients that normalise it would never ask.
            request = requests.Request(method, wire.t.uri, data=b"x" if method == "PUT" else None).prepare()
            request.url = f"{wire.t.uri}{root}/{path}"
            answer = wire.http.send(request, timeout=60)
            wire.t(f"{method} {path}", "refused" if answer.status_code >= 400 else answer.status_code)
    wire("list outside", "GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": "../.."})
    wire("list a folder", "GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": f"{experiment_id}/{run_id}/artifacts/a"}, show=lambda b: b)
    wire("list nothing", "GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": f"{experiment_id}/nothing"}, show=lambda b: b)
    wire("list by run", "GET", API + "artifacts/list", params={"run_id": run_id, "path": "a"}, show=lambda b: sorted(f["path"] for f in b["files"]))
    wire("list by an unknown run", "GET", API + "artifacts/list", params={"run_id": "0" * 32})
    wire("list outside by run", "GET", API + "artifacts/list", params={"run_id": run_id, "path": "../.."})
    wire("get for browsers", "GET", "/get-artifact", params={"run_uuid": run_id, "path": "a/data.bin"}, show=lambda a: len(a.content))
    wire("get for browsers what is not there", "GET", "/get-artifact", params={"run_uuid": run_id, "path": "nothing"})
    wire("put by browsers", "POST", "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run_id, "path": "up.txt"}, data=b"up")
    wire("put by browsers without a path", "POST", "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run_id}, data=b"up")
    wire("delete", "DELETE", f"{root}/a/data.bin")
    wire("delete again", "DELETE", f"{root}/a/data.bin")
    wire("delete a folder", "DELETE", f"{root}/a")

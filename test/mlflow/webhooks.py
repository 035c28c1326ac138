"""Webhooks as MLflow's own client keeps them; and MLflow's own signature over what a receiver got (on stdin, as JSON)."""

import json
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.webhooks.delivery import _generate_hmac_signature


def keep(url):
    client = MlflowClient()
    made = client.create_webhook(
        name="ci", url=url, events=["model_version.created", "model_version_alias.created"], secret="hush-hush-hush"
    )
    same = client.get_webhook(made.webhook_id)
    client.update_webhook(made.webhook_id, description="told by Trimtab", status="DISABLED")
    changed = client.update_webhook(made.webhook_id, status="ACTIVE", events=["model_version.created", "registered_model.created"])
    tested = client.test_webhook(made.webhook_id)
    other = client.create_webhook(name="other", url=url, events=["model_version_tag.set"])
    client.delete_webhook(other.webhook_id)
    listed = list(client.list_webhooks())
    try:
        client.create_webhook(name="x", url="https://user:pass@localhost/", events=["registered_model.created"])
        refused = None
    except MlflowException as error:
        refused = error.error_code
    client.create_registered_model("forecast", tags={"team": "a"}, description="d")
    client.create_model_version("forecast", "s3://bucket/model", description="first")
    return {
        "id": made.webhook_id,
        "same": same.name == made.name and [str(e) for e in same.events],
        "changed": [changed.description, str(changed.status), sorted(str(e) for e in changed.events)],
        "tested": [tested.success, tested.response_status, tested.response_body],
        "listed": [one.name for one in listed],
        "refused": refused,
    }


def signatures():
    for one in json.load(sys.stdin):
        yield _generate_hmac_signature("hush-hush-hush", one["id"], one["timestamp"], one["body"])


print(json.dumps(keep(sys.argv[2]) if sys.argv[1] == "keep" else list(signatures())))

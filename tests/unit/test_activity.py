"""The log of activity: each route that changes something says what it does, and to what."""

import json
import re
from typing import Any

from crawlset.activity import ACTIONS
from functions.api import app

DOCUMENT = json.loads(app.app.get_openapi_json_schema())
READ_METHODS = {"get", "head"}
CHANGES_NOTHING = {"estimate_crawl_job", "preview_takedown"}
LOGS_ITSELF = {"create_session": "session.created"}
"""Nobody is known when a session is asked for: the route logs for whom it opened one."""
SAID = {
    "cancel_crawl_job": ("crawl_job.cancelled", "job_id"),
    "cancel_export_job": ("export_job.cancelled", "export_job_id"),
    "cancel_validation_job": ("validation_job.cancelled", "validation_job_id"),
    "create_api_key": ("api_key.created", "id"),
    "create_crawl_job": ("crawl_job.created", "id"),
    "create_crawl_schedule": ("crawl_schedule.created", "id"),
    "create_dataset": ("dataset.created", "id"),
    "create_export_job": ("export_job.created", "id"),
    "check_host_proof": ("host_proof.checked", "host_proof_id"),
    "create_host_proof": ("host_proof.created", "id"),
    "create_job_template": ("job_template.created", "id"),
    "create_pipeline": ("pipeline.created", "job_id"),
    "create_project": ("project.created", "id"),
    "create_takedown": ("takedown.created", "id"),
    "create_upload": ("upload.created", "upload_id"),
    "create_validation_job": ("validation_job.created", "id"),
    "create_webhook": ("webhook.created", "id"),
    "delete_crawl_job": ("crawl_job.deleted", "job_id"),
    "delete_crawl_schedule": ("crawl_schedule.deleted", "schedule_id"),
    "delete_host_proof": ("host_proof.deleted", "host_proof_id"),
    "delete_job_template": ("job_template.deleted", "template_id"),
    "delete_project": ("project.deleted", "project_id"),
    "delete_webhook": ("webhook.deleted", "webhook_id"),
    "recrawl_crawl_job": ("crawl_job.recrawled", "job_id"),
    "replay_delivery": ("webhook_delivery.replayed", "delivery_id"),
    "restore_crawl_job": ("crawl_job.restored", "job_id"),
    "restore_project": ("project.restored", "project_id"),
    "retry_crawl_job": ("crawl_job.retried", "job_id"),
    "revoke_api_key": ("api_key.revoked", "key_id"),
    "revoke_takedown": ("takedown.revoked", "takedown_id"),
    "start_job_template": ("job_template.started", "template_id"),
    "update_crawl_schedule": ("crawl_schedule.updated", "schedule_id"),
    "update_job_template": ("job_template.updated", "template_id"),
    "update_profile": ("profile.updated", "id"),
    "update_project": ("project.updated", "project_id"),
    "update_webhook": ("webhook.updated", "webhook_id"),
}
"""Stored words, which stay: whoever filters the log by them finds what is older, too."""


def operations() -> dict[str, tuple[str, dict[str, Any]]]:
    """Path and operation of each route that may change something, by its function's name."""
    return {
        operation["operationId"].removesuffix(re.sub(r"\W", "_", f"{path}_{method}")): (
            path,
            operation,
        )
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if method not in READ_METHODS
    }


def test_every_changing_route_says_its_action() -> None:
    said = {route.__name__: action for route, action in ACTIONS.items()}

    assert said == SAID
    assert operations().keys() == said.keys() | CHANGES_NOTHING | LOGS_ITSELF.keys()


def test_the_id_of_each_action_is_in_the_path_or_in_the_answer() -> None:
    for name, (path, operation) in operations().items():
        if name not in SAID:
            continue
        _, id_name = SAID[name]
        answer = operation["responses"].get("201") or operation["responses"].get("200") or {}
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        model = DOCUMENT["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
        assert f"{{{id_name}}}" in path or id_name in model["required"], name

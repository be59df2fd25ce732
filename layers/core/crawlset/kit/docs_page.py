"""The page that shows an OpenAPI document and tries its operations, complete in itself."""

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from aws_lambda_powertools import event_handler

SWAGGER_UI = Path(event_handler.__file__).parent / "openapi" / "swagger_ui"
"""Comes with the framework, so that no file of it is kept here."""


@dataclass(frozen=True, slots=True)
class DocsPage:
    html: str
    content_security_policy: str


@cache
def docs_page(title: str, document_url: str) -> DocsPage:
    """
    Swagger UI for the document at `document_url`, which may be relative to the page.

    Nothing is loaded from another server, no script runs but the two of the page, and requests go
    to the page's own origin only. An API key that is typed in is forgotten with the page.
    """
    bundle = (SWAGGER_UI / "swagger-ui-bundle.min.js").read_text()
    style = (SWAGGER_UI / "swagger-ui.min.css").read_text()
    options = {
        "dom_id": "#swagger-ui",
        "url": document_url,
        "deepLinking": True,
        "filter": True,
        "persistAuthorization": False,
        "validatorUrl": None,
    }
    start = f"SwaggerUIBundle({json.dumps(options)})"
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript, <a href="{escape(document_url)}">its document</a> does not.
</noscript>
<script>{bundle}</script>
<script>{start}</script>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; script-src {_source(bundle)} {_source(start)}; "
        "style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return DocsPage(html, policy)


def _source(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{b64encode(digest).decode()}'"

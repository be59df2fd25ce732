"""Requests for every operation of the OpenAPI document, each spoiled somewhere."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from tests.fuzz import hostile
from tests.invocations import request

KNOWN: dict[str, Any] = {
    "cron": "0 3 * * *",
    "events": ["*"],
    "host": "images.example.org",
    "keywords": ["cat"],
    "rate": "6 hours",
    "sources": ["sample"],
    "timezone": "Europe/Berlin",
    "url": "https://hooks.example.org/",
    "urls": ["https://images.example.org/1.jpg"],
    "value": "https://images.example.org/1.jpg",
}
"""A value that succeeds, by the name of its field."""
HEADERS = (
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Accept",
    "User-Agent",
    "X-Forwarded-For",
)
AS_TEXT = ("text/", "application/json", "application/xml", "application/javascript")


@dataclass(frozen=True)
class Asked:
    """A request to an operation, such as `GET /api/projects`, before anything is encoded."""

    operation: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes | None
    claims: dict[str, str] | None
    """What an identity provider's token says, for the route that takes one."""

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]

    @property
    def target(self) -> str:
        """Path and query as they stand in a request line."""
        query = urlencode({_sent(name): _sent(value) for name, value in self.query.items()})
        return quote(_sent(self.path)) + (f"?{query}" if query else "")

    def event(self, caller: Mapping[str, str]) -> dict[str, Any]:
        """
        The event that the gateway makes of it.

        It decodes the path. Only bodies of some types come as text, what is not UTF-8 in them
        replaced; all others come as base64, those without a type too: `_v2_request_body_is_text` of
        ministack, which says that it was tried on AWS.
        """
        signed_in = {"jwt": {"claims": self.claims, "scopes": ["openid"]}}
        authorizer = {"lambda": caller} if self.claims is None else signed_in
        event = request(self.method, _sent(self.path), authorizer, headers=self.headers)
        query = {_sent(name): _sent(value) for name, value in self.query.items()}
        event |= {"queryStringParameters": query, "rawQueryString": urlencode(query)}
        if self.body:
            is_text = self.headers.get("content-type", "").lower().startswith(AS_TEXT)
            text = self.body.decode(errors="replace")
            event["isBase64Encoded"] = not is_text
            event["body"] = text if is_text else base64.b64encode(self.body).decode()
        return event


class Asking:
    """An endless series of requests, the same for the same seed."""

    def __init__(self, document: Mapping[str, Any], ids: Mapping[str, object], seed: int) -> None:
        self._document, self._ids = document, ids
        self._random = Random(seed)
        self._operations = [
            (method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]

    def __iter__(self) -> Iterator[Asked]:
        while True:
            self._random.shuffle(self._operations)
            for method, path, operation in self._operations:
                yield self._asked(method, path, operation)

    def _asked(self, method: str, path: str, operation: Mapping[str, Any]) -> Asked:
        random = self._random
        spoiled = random.choice(("path", "query", "header", "body", "body", "body"))
        parts = dict(self._ids)
        query = self._query(operation)
        headers = {"content-type": "application/json"}
        body: bytes | None = None
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            made = self._sample(content["schema"], "")
            if spoiled == "body":
                for _ in range(random.randint(1, 2)):
                    made = hostile.spoil(made, random)
            body = hostile.dump(made)
            if spoiled == "body" and random.random() < 0.15:
                body = random.choice(hostile.BODIES)
        elif spoiled == "body" and method != "GET":
            body = random.choice(hostile.BODIES)
        if spoiled == "path" and "{" in path:
            parts[random.choice(path.split("{")[1:]).partition("}")[0]] = hostile.text(random)
        elif spoiled == "query" or (spoiled == "body" and body is None):
            names = [p["name"] for p in operation.get("parameters", ()) if p.get("in") == "query"]
            name = random.choice([*names, *names, random.choice(hostile.TEXTS)])
            query[name] = hostile.text(random)
        elif spoiled == "header":
            headers[random.choice(HEADERS).lower()] = hostile.text(random)
            headers["content-type"] = random.choice(hostile.CONTENT_TYPES)
        claims = self._claims() if path.endswith("/session") else None
        return Asked(f"{method} {path}", path.format(**parts), query, headers, body, claims)

    def _claims(self) -> dict[str, str]:
        names = ("iss", "sub", "name", "email", "email_verified", "token_use")
        claims = {"iss": "https://issuer.example.org", "sub": "s"}
        return claims | {self._random.choice(names): self._random.choice(hostile.TEXTS)}

    def _query(self, operation: Mapping[str, Any]) -> dict[str, str]:
        return {
            p["name"]: str(self._sample(p["schema"], p["name"]))
            for p in operation.get("parameters", ())
            if p.get("in") == "query" and p["name"] != "cursor" and self._random.random() < 0.3
        }

    def _sample(self, schema: Mapping[str, Any], name: str) -> Any:
        random = self._random
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if name in self._ids:
            return str(self._ids[name])
        if name in KNOWN and random.random() < 0.9:
            return KNOWN[name]
        for several in ("anyOf", "oneOf", "allOf", "enum"):
            if several in schema:
                chosen = random.choice(schema[several])
                return chosen if several == "enum" else self._sample(chosen, name)
        if "const" in schema:
            return schema["const"]
        return self._sample_of(schema.get("type"), schema)

    def _sample_of(self, kind: str | None, schema: Mapping[str, Any]) -> Any:
        random = self._random
        if kind == "object":
            required = schema.get("required", ())
            made = {
                field: self._sample(of, field)
                for field, of in schema.get("properties", {}).items()
                if field in required or random.random() < 0.4
            }
            more = schema.get("additionalProperties")
            return made | {"cat": self._sample(more, "")} if isinstance(more, dict) else made
        if kind == "array":
            return [self._sample(schema.get("items", {}), "") for _ in range(random.randint(1, 2))]
        if kind in ("integer", "number"):
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            most = schema.get("maximum", least + 10)
            return (
                random.randint(int(least), int(most)) if kind == "integer" else (least + most) / 2
            )
        if kind == "boolean":
            return random.random() < 0.5
        if kind == "null":
            return None
        return {
            "uuid": "00000000-0000-7000-8000-000000000001",
            "date-time": "2030-01-01T00:00:00Z",
        }.get(schema.get("format", ""), f"n{random.randint(0, 999)}")


def _sent(text: str) -> str:
    """The text as it comes out of percent encoding, in which half a surrogate pair is no UTF-8."""
    return text.encode(errors="surrogatepass").decode(errors="replace")

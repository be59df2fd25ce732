"""An identity provider on loopback: its discovery document, its keys, and tokens it signs."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "crawlset-tests"
KEY_ID = "key-1"


@dataclass(frozen=True)
class Issuer:
    url: str
    key: rsa.RSAPrivateKey

    def token(self, **claims: Any) -> str:
        """An access token for an hour; a claim given as None is left out."""
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "exp": int(time.time()) + 3600,
            "iat": int(time.time()),
            "scope": "openid email",
        }
        stated = {n: value for n, value in (usual | claims).items() if value is not None}
        return jwt.encode(stated, self.key, algorithm="RS256", headers={"kid": KEY_ID})


@contextmanager
def issuing() -> Iterator[Issuer]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    documents: dict[str, Any] = {
        "/jwks": {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents.get(self.path, {})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        documents["/.well-known/openid-configuration"] = {
            "issuer": url,
            "jwks_uri": f"{url}/jwks",
        }
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield Issuer(url, key)
        finally:
            server.shutdown()

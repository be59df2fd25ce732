from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawlset.fetching.chunk import ChunkResult, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.wire.chunks import ChunkUrl
from tests.integration.fetching.chunk_fetch import QUICK, USER_AGENT, Fetch
from tests.integration.web_server import Web, serve


@pytest.fixture(scope="session")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(2)
    yield pool
    pool.close()


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own signing, with its key, for the hosts of a `Web`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.localhost")])
    names = [x509.DNSName("web.localhost")]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def pack_path(tmp_path: Path) -> Path:
    return tmp_path / "pack.tar"


@pytest.fixture
def fetch(web: Web, pool: DecodePool, pack_path: Path) -> Fetch:
    """`run_chunk` on URLs or candidates, with limits that suit a test."""

    def fetch(*asked: str | ChunkUrl, limits: Limits = QUICK, **options: Any) -> ChunkResult:
        candidates = [
            ChunkUrl(n, each) if isinstance(each, str) else each for n, each in enumerate(asked)
        ]
        defaults: dict[str, Any] = {
            "chunk_id": "chunk",
            "pack_path": pack_path,
            "pool": pool,
            "user_agent": USER_AGENT,
            "private_hosts": web.hosts,
            "seconds_left": lambda: 300.0,
            "is_cancelled": lambda: False,
            "limits": limits,
        }
        return run_chunk(candidates, **(defaults | options))

    return fetch

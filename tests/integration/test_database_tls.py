"""The database's server must show a certificate that is trusted, for the name it is asked by."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from sqlalchemy import make_url

from crawlset.kit.database_address import RDS_AUTHORITIES, verified
from tests.certificates import self_signed

HOST = "db.example"
SSL_REQUEST_BYTES = 8
REFUSAL = b"SFATAL\0VFATAL\0C28000\0Mnobody may log in\0\0"
"""What a server says that was trusted enough to be told a name.

https://www.postgresql.org/docs/current/protocol-message-formats.html has these messages.
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    path.write_bytes(self_signed(HOST))
    return path


@contextmanager
def server(certificate: Path | None) -> Iterator[int]:
    """A PostgreSQL that lets nobody in, and has no TLS without a certificate; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, certificate))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _answer(listener: socket.socket, certificate: Path | None) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.recv(SSL_REQUEST_BYTES)
        connection.sendall(b"S" if certificate else b"N")
        if certificate is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1024)
            encrypted.sendall(b"E" + (len(REFUSAL) + 4).to_bytes(4) + REFUSAL)


def connect(port: int, authorities: str = "", host: str = HOST) -> str:
    """What comes of an attempt: nobody may log in."""
    plain = make_url(f"postgresql+psycopg://me:secret@{host}:{port}/crawlset?hostaddr=127.0.0.1")
    url = verified(plain, authorities).set(drivername="postgresql")
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(url.render_as_string(hide_password=False), connect_timeout=10)
    return str(raised.value)


class TestServer:
    def test_is_trusted_with_the_authority_that_the_secret_names(self, certificate: Path) -> None:
        with server(certificate) as port:
            assert "nobody may log in" in connect(port, certificate.read_text())

    @pytest.mark.parametrize("host", [HOST, "x.cluster-1.eu-central-1.rds.amazonaws.com"])
    def test_is_refused_without(self, certificate: Path, host: str) -> None:
        with server(certificate) as port:
            assert "certificate verify failed" in connect(port, host=host)

    def test_is_refused_under_another_name(self, certificate: Path) -> None:
        with server(certificate) as port:
            said = connect(port, certificate.read_text(), host="other.example")

        assert "does not match host name" in said

    def test_is_told_nothing_without_encryption(self) -> None:
        with server(None) as port:
            assert "server does not support SSL" in connect(port)


class TestAddress:
    @pytest.mark.parametrize(
        "address",
        [
            "postgresql+psycopg://me@127.0.0.1:5432/crawlset",
            "postgresql+psycopg://me@[::1]/crawlset",
            "postgresql+psycopg://me@localhost/crawlset",
            "postgresql+psycopg://me@/crawlset",
            "postgresql+psycopg://me@/crawlset?host=/run/postgresql",
            "postgresql+psycopg://me@db.example/crawlset?sslmode=require",
        ],
        ids=["loopback", "loopback-6", "localhost", "default-socket", "socket", "says-so-itself"],
    )
    def test_stays_as_it_is(self, address: str) -> None:
        assert verified(make_url(address)) == make_url(address)

    def test_of_rds_is_verified_with_its_own_authorities(self) -> None:
        url = make_url("postgresql+psycopg://me@c.proxy-1.eu-west-1.rds.amazonaws.com/crawlset")

        assert verified(url).query == {
            "sslmode": "verify-full",
            "sslrootcert": str(RDS_AUTHORITIES),
        }


def test_authorities_of_rds_are_current_and_sign_for_themselves() -> None:
    """
    One of three kinds for each region, and those of RDS Proxy, which ACM signs for.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html
    """
    certificates = x509.load_pem_x509_certificates(RDS_AUTHORITIES.read_bytes())
    named = {c.subject.rfc4514_string().partition("CN=")[2].partition(",")[0] for c in certificates}

    for certificate in certificates:
        certificate.verify_directly_issued_by(certificate)
        assert certificate.not_valid_after_utc > datetime(2036, 1, 1, tzinfo=UTC)
    assert {
        f"Amazon RDS us-east-1 Root CA {k} G1" for k in ("RSA2048", "RSA4096", "ECC384")
    } <= named
    assert "Amazon Root CA 1" in named

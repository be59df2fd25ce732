"""Links to upload against the emulator, which checks signatures as S3 does; moto checks none."""

from datetime import timedelta

import httpx
import pytest

from crawlset.kit import objects

KEY = "uploads/a/b"
BODY = b"https://a.example/1.jpg\n"


@pytest.mark.usefixtures("emulated_bucket")
class TestPresignedPut:
    def test_takes_a_file_of_its_size(self) -> None:
        url = objects.presign_put(KEY, len(BODY), timedelta(hours=1))

        assert httpx.put(url, content=BODY).status_code == 200
        assert objects.get(KEY) == BODY

    @pytest.mark.parametrize("body", [BODY + b"x", BODY[:-1], b""])
    def test_refuses_any_other(self, body: bytes) -> None:
        url = objects.presign_put(KEY, len(BODY), timedelta(hours=1))

        answer = httpx.put(url, content=body)

        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)

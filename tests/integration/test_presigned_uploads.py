"""Links to upload against the emulator, which checks signatures as S3 does; moto checks none."""

from datetime import timedelta

import httpx
import pytest

from crawlset.kit import aws, objects

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


@pytest.mark.usefixtures("bucket")
class TestAddresses:
    @pytest.mark.parametrize("region", ["us-east-1", "eu-south-1"])
    def test_are_those_of_the_region(self, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
        """
        A region that opened after March 2019 answers `bucket.s3.amazonaws.com` with 400.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
        """
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        aws.clear()

        url = httpx.URL(objects.presign_get(KEY, timedelta(hours=1)))

        assert url.host == f"{objects.bucket()}.s3.{region}.amazonaws.com"

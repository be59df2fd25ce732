import base64
import hashlib

import pytest

from crawlset.sources.stated_hashes import stated_hash

SHA256 = hashlib.sha256(b"x")
MD5 = hashlib.md5(b"x", usedforsecurity=False)


class TestStatedHash:
    @pytest.mark.parametrize(
        ("sha256", "md5", "wanted"),
        [
            (SHA256.hexdigest(), None, f"sha256:{SHA256.hexdigest()}"),
            (SHA256.hexdigest().upper(), None, f"sha256:{SHA256.hexdigest()}"),
            (base64.b64encode(SHA256.digest()).decode(), None, f"sha256:{SHA256.hexdigest()}"),
            (None, base64.b64encode(MD5.digest()).decode(), f"md5:{MD5.hexdigest()}"),
            (SHA256.hexdigest(), MD5.hexdigest(), f"sha256:{SHA256.hexdigest()}"),
            ("", MD5.hexdigest(), f"md5:{MD5.hexdigest()}"),
            (f"SHA256:{SHA256.hexdigest()}", None, f"sha256:{SHA256.hexdigest()}"),
            (None, f"md5-{MD5.hexdigest()}", f"md5:{MD5.hexdigest()}"),
        ],
    )
    def test_is_told_in_one_way(self, sha256: str, md5: str, wanted: str) -> None:
        assert stated_hash(sha256, md5) == wanted

    @pytest.mark.parametrize("text", ["", "0" * 63, "g" * 64, "0" * 32, "\ud83d" * 64, "AAAA", "é"])
    def test_is_none_where_there_is_none(self, text: str) -> None:
        assert stated_hash(text, None) is None

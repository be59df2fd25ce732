from datetime import UTC, datetime

import pytest

from crawlset.kit.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestRetryAfterSeconds:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (None, None),
            ("7", 7.0),
            (" 30 ", 30.0),
            ("0", 0.0),
            ("86401", 86_400.0),
            ("9" * 400, 86_400.0),
            ("soon", None),
            ("-1", None),
            ("", None),
            ("\u00b2, please", None),
            ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
            ("Sun, 22 Nov 2026 12:01:30 -0000", 90.0),
            ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
            ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
            ("Sun, 06 Nov 99999999999999 08:49:37 GMT", None),
        ],
    )
    def test_reads_seconds_and_dates(self, header: str | None, seconds: float | None) -> None:
        assert retry_after_seconds(header, NOW) == seconds

"""What can become of a candidate, and what may be tried again."""

from enum import StrEnum


class ImageStatus(StrEnum):
    pending = "pending"
    stored = "stored"
    duplicate = "duplicate"
    rejected = "rejected"
    refused = "refused"
    failed = "failed"
    cancelled = "cancelled"


class Verdict(StrEnum):
    keep = "keep"
    quarantine = "quarantine"
    reject = "reject"
    error = "error"
    """A rule could not say anything of it."""


class LeftOutReason(StrEnum):
    """Why an image that was chosen for an export is not in it."""

    not_transformed = "not_transformed"
    """It cannot be resized or encoded."""
    not_stripped = "not_stripped"
    """Its metadata cannot be removed."""
    faces_unknown = "faces_unknown"
    """Its faces cannot be blurred: the measurer `faces` has not said where they all are."""


class Change(StrEnum):
    """What became of a stored picture at its URL."""

    unchanged = "unchanged"
    same_picture = "same_picture"
    replaced = "replaced"
    gone = "gone"


class Outcome(StrEnum):
    """Why a candidate is where it is; one word each in rows, manifests and reports."""

    stored = "stored"
    duplicate_bytes = "duplicate_bytes"
    refused_robots = "refused_robots"
    refused_noai = "refused_noai"
    refused_tdm = "refused_tdm"
    refused_licence = "refused_licence"
    refused_source = "refused_source"
    refused_takedown = "refused_takedown"
    blocked_address = "blocked_address"
    invalid_url = "invalid_url"
    dns_error = "dns_error"
    connect_error = "connect_error"
    tls_error = "tls_error"
    timeout = "timeout"
    too_slow = "too_slow"
    too_large = "too_large"
    too_many_redirects = "too_many_redirects"
    http_403 = "http_403"
    http_404 = "http_404"
    http_410 = "http_410"
    http_429 = "http_429"
    http_4xx = "http_4xx"
    http_5xx = "http_5xx"
    not_image = "not_image"
    unsupported_format = "unsupported_format"
    truncated = "truncated"
    damaged = "damaged"
    decode_error = "decode_error"
    decode_crash = "decode_crash"
    decompression_bomb = "decompression_bomb"
    hash_mismatch = "hash_mismatch"
    worker_failed = "worker_failed"
    cancelled = "cancelled"

    @property
    def status(self) -> ImageStatus:
        return _STATUS[self]

    @property
    def is_retryable(self) -> bool:
        """Whether another attempt, if a person asks for one, may end otherwise: no refusal does."""
        return self in _RETRYABLE


_STATUS = {
    Outcome.stored: ImageStatus.stored,
    Outcome.duplicate_bytes: ImageStatus.duplicate,
    Outcome.refused_robots: ImageStatus.refused,
    Outcome.refused_noai: ImageStatus.refused,
    Outcome.refused_tdm: ImageStatus.refused,
    Outcome.refused_licence: ImageStatus.refused,
    Outcome.refused_source: ImageStatus.refused,
    Outcome.refused_takedown: ImageStatus.refused,
    Outcome.blocked_address: ImageStatus.refused,
    Outcome.invalid_url: ImageStatus.refused,
    Outcome.dns_error: ImageStatus.failed,
    Outcome.connect_error: ImageStatus.failed,
    Outcome.tls_error: ImageStatus.failed,
    Outcome.timeout: ImageStatus.failed,
    Outcome.too_slow: ImageStatus.failed,
    Outcome.too_large: ImageStatus.rejected,
    Outcome.too_many_redirects: ImageStatus.failed,
    Outcome.http_403: ImageStatus.failed,
    Outcome.http_404: ImageStatus.failed,
    Outcome.http_410: ImageStatus.failed,
    Outcome.http_429: ImageStatus.failed,
    Outcome.http_4xx: ImageStatus.failed,
    Outcome.http_5xx: ImageStatus.failed,
    Outcome.not_image: ImageStatus.rejected,
    Outcome.unsupported_format: ImageStatus.rejected,
    Outcome.truncated: ImageStatus.rejected,
    Outcome.damaged: ImageStatus.rejected,
    Outcome.decode_error: ImageStatus.rejected,
    Outcome.decode_crash: ImageStatus.rejected,
    Outcome.decompression_bomb: ImageStatus.rejected,
    Outcome.hash_mismatch: ImageStatus.rejected,
    Outcome.worker_failed: ImageStatus.failed,
    Outcome.cancelled: ImageStatus.cancelled,
}

_RETRYABLE = frozenset(
    {
        Outcome.dns_error,
        Outcome.connect_error,
        Outcome.tls_error,
        Outcome.timeout,
        Outcome.too_slow,
        Outcome.http_429,
        Outcome.http_5xx,
        Outcome.worker_failed,
        Outcome.cancelled,
    }
)

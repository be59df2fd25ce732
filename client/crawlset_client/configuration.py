from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Configuration(TypedDict, total=False):
    """
    What a crawl job is to do; None is as if it were not given.

    A list needs no `sources`; keywords do. It is `urls`, an `upload_id`, several uploads as `lists`
    (`[{"upload_id": …, "name": …, "manifest_format": …}]`), or the `list_uri` of a prefix in S3.
    With `validation_rules` or `export` the job goes on to these by itself. `policy` switches
    opt-outs off (`{"robots": False}`) and sets `min_gap_seconds`; `per_host` lets hosts that the
    deployment owns have more requests at once (`{"images.example.org": 64}`); `resize` says what to
    store instead of the bytes received (`{"mode": "keep_ratio", "size": 256}`); `formats` which
    formats to take, and `transcode` the one to store all others in; `keep_location` keeps where
    files say that they were taken; `url_column` and the like say which column of an uploaded list
    says what, `keep_columns` which others to keep, and `encoding` how its text is encoded;
    `expansion` says what else to search for (`{"plurals": True, "languages": ["de"]}`).
    """

    sources: Sequence[str] | None
    keywords: Sequence[str] | None
    urls: Sequence[str] | None
    upload_id: str | None
    lists: Sequence[Mapping[str, Any]] | None
    list_uri: str | None
    manifest_format: str | None
    max_images: int | None
    licences: Sequence[str] | None
    intended_use: str | None
    expansion: Mapping[str, Any] | None
    policy: Mapping[str, Any] | None
    per_host: Mapping[str, int] | None
    resize: Mapping[str, Any] | None
    formats: Sequence[str] | None
    transcode: str | None
    keep_location: bool | None
    url_column: str | None
    caption_column: str | None
    label_column: str | None
    licence_column: str | None
    creator_column: str | None
    sha256_column: str | None
    md5_column: str | None
    keep_columns: Sequence[str] | None
    encoding: str | None
    keep_repeated: bool | None
    validation_rules: Mapping[str, Any] | None
    export: Mapping[str, Any] | None

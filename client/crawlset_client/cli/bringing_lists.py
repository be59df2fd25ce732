"""How the lists of `crawlset crawl --urls` get into the request for a job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crawlset_client.api import Crawlset
from crawlset_client.cli.running import Run
from crawlset_client.errors import UsageError
from crawlset_client.list_files import read_lists
from crawlset_client.lookup import project_for
from crawlset_client.url_lists import UrlList, read_url_list

LIST_OPTIONS = frozenset((
    "url_column", "caption_column", "label_column", "licence_column", "creator_column",
    "sha256_column", "md5_column", "keep_columns", "encoding", "keep_repeated",
))  # fmt: skip
"""What a request says of an uploaded list only."""
BUCKET = "s3://"


@contextmanager
def project_and_lists(
    run: Run,
    crawlset: Crawlset,
    project: str,
    places: Sequence[str],
    request: dict[str, Any],
    *,
    keep: bool = True,
) -> Iterator[str]:
    """The project's id, with the lists of URLs at `places` put into the request."""
    if any(place.startswith(BUCKET) for place in places):
        if len(places) > 1:
            raise UsageError("A prefix in a bucket is given alone: --urls s3://bucket/prefix/")
        with project_for(crawlset, project, keep=keep) as found:
            request["list_uri"] = places[0]
            yield found.id
        return
    paths = list(map(Path, places))
    max_images = request.get("max_images")
    if len(paths) == 1 and not paths[0].is_dir():
        is_uploaded = not LIST_OPTIONS.isdisjoint(request)
        url_list = read_url_list(paths[0], max_images, is_uploaded=is_uploaded)
        with project_for(crawlset, project, keep=keep) as found:
            if url_list.urls is not None:
                request["urls"] = url_list.urls
            else:
                upload_id = _upload(run, crawlset, found.id, url_list)
                request |= {"upload_id": upload_id, "manifest_format": url_list.format}
            yield found.id
        return
    named = read_lists(paths, max_images) if paths else []
    with project_for(crawlset, project, keep=keep) as found:
        if named:
            request["lists"] = [
                {
                    "upload_id": _upload(run, crawlset, found.id, each.list),
                    "name": each.name,
                    "manifest_format": each.list.format,
                }
                for each in named
            ]
        yield found.id


def _upload(run: Run, crawlset: Crawlset, project_id: str, url_list: UrlList) -> str:
    with run.transfer(f"Uploading {url_list.path.name}", url_list.n_bytes) as advance:
        return crawlset.uploads.send(project_id, url_list.path, advance=advance).upload_id

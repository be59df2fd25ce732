"""A dataset's way to the Hugging Face Hub, through its own library."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from crawlset_client.errors import (
    HubError,
    HubNameError,
    HubNotReachedError,
    HubSignInError,
    MissingPartError,
    WatchInterruptedError,
)
from crawlset_client.placing import MARKER, others

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def check(repository: str) -> None:
    """
    Raise what would keep a dataset from being pushed to `repository`, as far as can be known.

    `MissingPartError` without `huggingface_hub`; `HubNameError`; `HubSignInError` if nobody is
    signed in by `hf auth login` or HF_TOKEN; `HubNotReachedError`.
    """
    hub = _library()
    from huggingface_hub.errors import (  # noqa: PLC0415 - not everybody's
        HfHubHTTPError,
        HFValidationError,
        LocalTokenNotFoundError,
    )
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # noqa: PLC0415
        validate_repo_id,
    )

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise HubNameError(repository, _line(error)) from error
    if "/" not in repository:
        raise HubNameError(repository, "say whose it is, such as ann/cats")
    try:
        hub.whoami()
    except LocalTokenNotFoundError as error:
        raise HubSignInError("nobody is signed in") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise HubSignInError(_line(error)) from error
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            raise HubNotReachedError(hub.endpoint, _line(error)) from error
    except Exception as error:  # what its library for HTTP raises is let through
        raise HubNotReachedError(hub.endpoint, _line(error)) from error


def push(dataset: Path, repository: str, *, is_private: bool = True) -> str:
    """
    Upload what an export wrote into `dataset` as a dataset; gives its address.

    Who is signed in is what `hf auth login` says, or HF_TOKEN; where, HF_ENDPOINT. Raises
    `MissingPartError` without `huggingface_hub`, and `HubError`, which says how to try it again.
    """
    hub = _library()
    left_out = [MARKER, *(escape(name) for name in others(dataset))]
    with _failures(repository, by_hand(dataset, repository, left_out, is_private=is_private)):
        address = hub.create_repo(
            repository, repo_type="dataset", private=is_private, exist_ok=True
        )
        hub.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=dataset,
            ignore_patterns=left_out,
            commit_message="Crawlset export",
        )
    return str(address)


def by_hand(dataset: Path, repository: str, left_out: Sequence[str], *, is_private: bool) -> str:
    """What is left to do when the dataset is there and could not be pushed."""
    excluded = [word for pattern in left_out for word in ("--exclude", pattern)]
    visibility = ["--private"] if is_private else []
    words = [
        "hf", "upload", repository, str(dataset), ".", "--repo-type", "dataset",
        *visibility, *excluded,
    ]  # fmt: skip
    return f"The dataset is complete at {dataset}; push it alone with `{shlex.join(words)}`."


@contextmanager
def _failures(repository: str, advice: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # what its libraries for HTTP and storage raise is let through
        raise HubError(f"{repository} was not uploaded: {_line(error)}. {advice}") from error
    except KeyboardInterrupt:
        raise WatchInterruptedError(f"Interrupted. {advice}") from None


def _library() -> "HfApi":
    try:
        from huggingface_hub import HfApi  # noqa: PLC0415 - not everybody's
    except ImportError as error:
        raise MissingPartError("huggingface_hub", extra="hub") from error
    return HfApi()


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__

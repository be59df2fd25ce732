"""A dataset's way to the Hugging Face Hub, through its own library."""

from pathlib import Path

from crawlset_client.errors import HubError, MissingPartError
from crawlset_client.placing import MARKER


def push(dataset: Path, repository: str, *, is_private: bool = True) -> str:
    """
    Upload the directory of an export as a dataset; gives its address.

    Who is signed in is what `hf auth login` says, or HF_TOKEN; where, HF_ENDPOINT. Raises
    `MissingPartError` without `huggingface_hub`, and `HubError`.
    """
    try:
        from huggingface_hub import HfApi  # noqa: PLC0415, not everybody's
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415
    except ImportError as error:
        raise MissingPartError("huggingface_hub") from error
    hub = HfApi()
    try:
        address = hub.create_repo(
            repository, repo_type="dataset", private=is_private, exist_ok=True
        )
        hub.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=dataset,
            ignore_patterns=[MARKER],
            commit_message="Crawlset export",
        )
    except (HfHubHTTPError, HFValidationError, OSError, RuntimeError, ValueError) as error:
        raise HubError(repository, str(error)) from error
    return str(address)

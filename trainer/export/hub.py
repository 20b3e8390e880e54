"""Upload of exported files to a model repository of the Hugging Face hub."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, HfApi, constants, utils
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from search_space.checks import shown
from search_space.command_line.terminal import one_line

_UTILS: Any = utils  # whose types are not all declared
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# The base classes of the library's own error: those of its HTTP library, whose errors of the
# connection are of them too, and OSError.
_CONNECTION: Any = HfHubHTTPError.__bases__
_REFUSALS = {
    401: "it does not accept the token (HF_TOKEN, or that of: hf auth login)",
    403: "the token may not write there; make one with the permission to write",
    404: "there is no such owner, or the token may not see the repository",
}


def require_hub(repository: str) -> None:
    """Check what an upload needs, before anything is exported.

    Raises:
        ValueError: If the name is wrong, there is no token, or the hub is switched off.
    """
    if not _NAME.fullmatch(repository):
        raise ValueError(f"--push-to must be owner/name, got {shown(repository)}")
    try:
        _UTILS.validate_repo_id(repository)
    except HFValidationError as error:
        reason = one_line(str(error)).rstrip(".")
        raise ValueError(f"--push-to {repository}: {reason}") from error
    if constants.HF_HUB_OFFLINE:
        raise ValueError(
            "--push-to needs the network, and the environment variable HF_HUB_OFFLINE (or "
            "TRANSFORMERS_OFFLINE) is set; unset it"
        )
    if huggingface_hub.get_token() is None:
        raise ValueError(
            "--push-to needs a token of the Hugging Face hub with the permission to write: set "
            "HF_TOKEN, or run: hf auth login"
        )


def push(repository: str, files: Sequence[Path], *, public: bool = False) -> str:
    """Upload files into the root of a model repository, in one commit, and return its address.

    The repository is made if it is missing, private unless `public`. An existing one keeps its
    visibility and its other files; files of the same names are replaced, and its history keeps
    their earlier versions. ``HF_ENDPOINT`` names another hub.

    Args:
        repository: ``owner/name``.
        files: The files; they are uploaded under their names.
        public: Whether a new repository is visible to all users.

    Raises:
        ValueError: As `require_hub`.
        OSError: If the hub cannot be reached or refuses the upload; one line says why.
    """
    require_hub(repository)
    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    api = HfApi(endpoint=endpoint, library_name="training-aware-nas")
    operations = [
        CommitOperationAdd(path_in_repo=path.name, path_or_fileobj=str(path)) for path in files
    ]
    with _quiet(), _one_line_errors(repository, endpoint):
        api.create_repo(repository, private=not public, exist_ok=True)
        api.create_commit(
            repository, operations, commit_message="Model exported by training-aware-nas"
        )
    return f"{endpoint}/{repository}"


@contextmanager
def _one_line_errors(repository: str, endpoint: str) -> Iterator[None]:
    """Turn errors of the hub's library into one line that says what was refused, and why."""
    try:
        yield
    # A failed upload of a large file is a RuntimeError.
    except (*_CONNECTION, RuntimeError, ValueError, LookupError) as error:
        reason = _reason(error)
        if "xet-write-token" in reason:  # a hub without the newer protocol for large files
            reason += "; with HF_HUB_DISABLE_XET=1 the older protocol is used"
        raise OSError(f"{endpoint} did not take the files for {repository}: {reason}") from error


def _reason(error: BaseException) -> str:
    """Return in one line why the hub's library failed."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        return f"{one_line(str(error))} {_reason(error.__cause__)}"
    if not isinstance(error, HfHubHTTPError):
        if isinstance(error, LookupError):
            return f"its answer is not that of a hub, it lacks {error}"
        said = one_line(str(error)) or type(error).__name__
        return f"it cannot be reached: {said}" if isinstance(error, _CONNECTION) else said
    status = error.response.status_code
    return _REFUSALS.get(status) or one_line(error.server_message or str(error))


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable the library's progress bars within the context."""
    shows = not _UTILS.are_progress_bars_disabled()
    if shows:
        _UTILS.disable_progress_bars()
    try:
        yield
    finally:
        if shows:
            _UTILS.enable_progress_bars()

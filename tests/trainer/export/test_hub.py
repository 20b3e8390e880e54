"""Upload to a stand-in for the Hugging Face hub, and the one line for each way that it fails."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.toys.model_hub import ModelHub, model_hub
from trainer.export.hub import push, require_hub

# Of huggingface_hub 2.4 with httpx2, for each large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHub]:
    """Serve a hub whose address and token are in the environment."""
    with model_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
        monkeypatch.setenv("HF_TOKEN", hub.token)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        # Without the hub's newer protocol for large files, whose server is not stood in for.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield hub


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return a card, code and weights."""
    contents = {
        "README.md": b"---\npipeline_tag: image-classification\n---\n# birds\n",
        "model.py": b"import torch\n",
        "model_weights.pt": bytes(range(256)) * 100,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in contents]


def test_a_new_repository_is_private_and_has_the_files(
    served: ModelHub, files: list[Path]
) -> None:
    assert push("me/birds", files) == f"{served.url}/me/birds"
    assert served.repositories == {"me/birds": "private"}
    assert served.files == {f"me/birds/{path.name}": path.read_bytes() for path in files}
    assert served.commits == ["Model exported by training-aware-nas"]


def test_a_repository_is_public_if_that_is_asked_for(served: ModelHub, files: list[Path]) -> None:
    push("me/birds", files, public=True)
    assert served.repositories == {"me/birds": "public"}


def test_an_existing_repository_keeps_its_visibility_and_other_files(
    served: ModelHub, files: list[Path]
) -> None:
    served.repositories["me/birds"] = "public"
    served.files = {"me/birds/other.txt": b"mine", "me/birds/model.py": b"old"}
    push("me/birds", files)
    assert served.repositories == {"me/birds": "public"}
    assert served.files["me/birds/other.txt"] == b"mine"
    assert served.files["me/birds/model.py"] == b"import torch\n"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "the token may not write there"), (404, "there is no such owner")],
)
def test_a_refusal_is_one_line(
    status: int, reason: str, served: ModelHub, files: list[Path]
) -> None:
    served.refusal = status
    with pytest.raises(OSError, match=rf"did not take the files for me/birds: {reason}") as error:
        push("me/birds", files)
    assert "\n" not in str(error.value)
    assert served.files == {}


def test_a_failed_upload_of_weights_is_one_line(served: ModelHub, files: list[Path]) -> None:
    served.full = True
    with pytest.raises(OSError, match="did not take the files for me/birds") as error:
        push("me/birds", files)
    assert "\n" not in str(error.value)
    assert served.files == {}


@pytest.mark.skipif(find_spec("hf_xet") is None, reason="hf_xet is not installed")
def test_a_hub_without_the_newer_protocol_is_one_line_that_names_the_older_one(
    served: ModelHub, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(OSError, match="with HF_HUB_DISABLE_XET=1") as error:
        push("me/birds", files)
    assert "\n" not in str(error.value)


def test_a_wrong_token_is_one_line_that_does_not_show_it(
    served: ModelHub, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(OSError, match="does not accept the token") as error:
        push("me/birds", files)
    assert "hf_wrong" not in str(error.value)


def test_a_hub_that_cannot_be_reached_is_one_line(
    served: ModelHub, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:  # bound and not listening: connections are refused
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(OSError, match="me/birds: it cannot be reached") as error:
            push("me/birds", files)
    assert "\n" not in str(error.value)


def test_without_a_token_nothing_is_sent(
    served: ModelHub, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ValueError, match="set HF_TOKEN, or run: hf auth login"):
        push("me/birds", files)
    assert served.requests == []


def test_offline_mode_is_named(served: ModelHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE"):
        require_hub("me/birds")
    assert served.requests == []


@pytest.mark.parametrize("name", ["birds", "me/birds/2", "me/", "/x", "me/a b", "me/-x-.git"])
def test_names_of_repositories_are_checked(name: str, served: ModelHub) -> None:
    with pytest.raises(ValueError, match="--push-to"):
        require_hub(name)
    assert served.requests == []

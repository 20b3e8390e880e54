"""Modules that moved can still be imported from their former places."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("former", "present", "names"),
    [
        (
            "search_space.artifact",
            "search_space.architecture_file",
            ("ArchitectureFile", "load_architecture", "save_architecture"),
        ),
        (
            "trainer.data.decode",
            "trainer.data.cache.decode",
            ("UndecodableError", "decode", "decoding_warnings"),
        ),
    ],
)
def test_a_former_module_has_the_same_objects(
    former: str, present: str, names: tuple[str, ...]
) -> None:
    old, new = importlib.import_module(former), importlib.import_module(present)
    for name in names:
        assert getattr(old, name) is getattr(new, name)

"""Former place of `search_space.architecture_file`, for code that imports it from here."""

from search_space.architecture_file import (
    ArchitectureFile,
    load_architecture,
    save_architecture,
)

__all__ = ["ArchitectureFile", "load_architecture", "save_architecture"]

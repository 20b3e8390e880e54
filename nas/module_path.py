"""Where Python looks for modules: not in the folder in which a command was started.

A project's folder often has a ``trainer/``, a ``datasets/`` or a ``numpy.py``. Python
looks there first if `PYTHONPATH` has an empty or relative entry, and after ``python -c`` and
``python -m``. Ray looks there first in every worker; `trainer.cluster.ray_private` stops that.

This module imports nothing that another package could replace by then.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

PACKAGES = ("nas", "scaling", "search_space", "trainer")
VARIABLE = "PYTHONPATH"
ROOT = Path(__file__).resolve().parents[1]
STANDARD_LIBRARY = Path(os.__file__).resolve().parent


def leave_out_current_folder() -> None:
    """Take folders that do not belong to the Python environment off the path of modules.

    These are the current folder and the relative entries of `PYTHONPATH`, and those of its
    entries that have another package of the name of one of ours. The folder of this project
    stays, and so does a folder of installed packages. The processes that this one starts get the
    same path: `PYTHONPATH` is changed, and `PYTHONSAFEPATH` keeps the current folder out of
    their ``python -c``, as in `multiprocessing`.
    """
    given = os.environ.get(VARIABLE, "")
    entries = given.split(os.pathsep) if given else []
    left_out = {_resolved(entry) for entry in ["", *entries] if _is_left_out(entry)}
    if given:
        kept = [str(folder) for folder in map(_resolved, entries) if folder not in left_out]
        os.environ[VARIABLE] = os.pathsep.join(kept)
    os.environ["PYTHONSAFEPATH"] = "1"
    sys.path[:] = [entry for entry in sys.path if _resolved(entry) not in left_out]
    # An installed package may be called `trainer` too: ours are imported from here, once.
    sys.path.insert(0, str(ROOT))
    try:
        for name in PACKAGES:
            import_module(name)
    finally:
        sys.path.remove(str(ROOT))


def _resolved(entry: str) -> Path | None:
    """Return the absolute path of an entry; None for one below a current folder that is gone."""
    try:
        return Path(entry).resolve()
    except OSError:
        return None


def _is_left_out(entry: str) -> bool:
    folder = _resolved(entry)
    if folder is None:
        return True
    if folder in (ROOT, STANDARD_LIBRARY) or any(folder.glob("*.dist-info")):
        return False
    return folder == _resolved("") or not Path(entry).is_absolute() or _has_our_names(folder)


def _has_our_names(folder: Path) -> bool:
    return any((folder / name).is_dir() or (folder / f"{name}.py").is_file() for name in PACKAGES)

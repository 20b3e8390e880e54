"""The commands that follow a search, for the console and for its page."""

from pathlib import Path

from nas.settings.config import SearchConfig
from nas.settings.defaults import EMBEDDED_PROXY

RUNS = Path("runs")  # default of --out


def scale_command(folder: Path) -> list[str]:
    """Return the words of the command that makes the winner of the search in `folder` larger."""
    best, larger = folder / "best.json", folder / "L.json"
    return ["nas-scale", "--from", str(best), "--target", "L", "--out", str(larger)]


def train_command(config: SearchConfig, folder: Path) -> list[str]:
    """Return the words of the command that trains the winner on images read as by the search."""
    words = ["nas-train", "--arch", str(folder / "best.json"), "--data", config.data]
    for name, value in config.reading.model_dump(exclude_defaults=True).items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    if not config.proxy.flip and config.data not in EMBEDDED_PROXY:
        words.append("--no-flip")
    return words if folder.parent == RUNS else [*words, "--out", str(folder.parent)]

"""The commands that follow a search."""

from pathlib import Path

from nas.report.next_steps import train_command
from nas.settings.config import SearchConfig
from trainer.config import ProxyConfig


def test_the_training_reads_the_images_as_the_search_did() -> None:
    settings = {
        "data": "my photos",
        "proxy": ProxyConfig(image_size=24, flip=False),
        "reading": {"fit": "pad", "skip_damaged": 0.1, "strict": True},
    }
    config = SearchConfig.model_validate(settings)
    assert train_command(config, Path("elsewhere/run")) == [
        *("nas-train", "--arch", "elsewhere/run/best.json"),
        *("--data", "my photos", "--fit", "pad", "--skip-damaged", "0.1", "--strict"),
        *("--no-flip", "--out", "elsewhere"),
    ]

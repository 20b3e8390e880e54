"""Settings: text is parsed once, and written as given."""

import json
import pickle

import pytest
import yaml

from nas.costs.constraint import Constraint
from nas.dispatch.limits import Timeout
from nas.settings.config import SearchConfig
from nas.units import Duration, MemorySize
from trainer.config import validated

TEXTS = {
    "constraints": [" params < 24M ", "step_time < 1.2"],
    "time_budget": "1h30m",
    "candidate_timeout": "10m",
    "worker_memory": "4 GB",
}
PROXY = {"image_size": 24}


def test_settings_hold_parsed_values() -> None:
    config = validated(SearchConfig, {"proxy": PROXY, **TEXTS})
    assert config.constraints == tuple(map(Constraint.parse, TEXTS["constraints"]))
    assert config.time_budget == Duration(5400, "1h30m")
    assert config.candidate_timeout == Timeout(seconds=600)
    assert config.worker_memory == MemorySize(4 * 10**9, "4 GB")
    assert pickle.loads(pickle.dumps(config)) == config  # as sent to a worker


def test_files_hold_the_text_that_was_given() -> None:
    config = validated(SearchConfig, {"proxy": PROXY, **TEXTS})
    written = config.model_dump(mode="json")
    for name in ("time_budget", "candidate_timeout", "worker_memory"):
        assert written[name] == TEXTS[name]
    assert written["constraints"] == ["params < 24M", "step_time < 1.2"]
    assert validated(SearchConfig, yaml.safe_load(yaml.safe_dump(written))) == config
    assert validated(SearchConfig, config.model_dump()) == config


def test_the_identity_is_the_one_that_older_ledgers_hold() -> None:
    config = validated(SearchConfig, {"proxy": PROXY, **TEXTS})
    assert json.dumps(config.identity()) == json.dumps(
        {
            "data": "digits-scenes",
            "space": "tiny",
            "sampler": "auto",
            "seed": 0,
            "w": -0.07,
            "v": -0.05,
            "constraints": ["params < 24M", "step_time < 1.2"],
            "proxy.image_size": 24,
            "proxy.epochs": 10,
            "proxy.batch_size": 128,
            "proxy.max_images": None,
            "proxy.holdout": 0.1,
            "proxy.optimizer": "sgd",
            "proxy.learning_rate": 0.4,
            "proxy.momentum": 0.9,
            "proxy.weight_decay": 0.0005,
            "proxy.schedule": "cosine",
            "proxy.warmup_epochs": 0.6,
            "proxy.label_smoothing": 0.1,
            "proxy.flip": True,
            "proxy.crop_padding": 0.1,
            "proxy.precision": "fp32",
            "proxy.timing.warmup_steps": 2,
            "proxy.timing.blocks": 9,
            "proxy.timing.block_seconds": 0.1,
            "proxy.timing.max_spread": 0.1,
            "proxy.timing.max_attempts": 3,
        }
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"time_budget": 3600}, "time_budget: Input should be a valid string, got 3600"),
        ({"time_budget": "soon"}, "time_budget: must be a time such as 2h, .*, got 'soon'"),
        ({"worker_memory": "4"}, "worker_memory: must be a size such as 512MiB or 4GB, got '4'"),
        ({"candidate_timeout": None}, "candidate_timeout: Input should be a valid string"),
        ({"constraints": ["speed < 3"]}, "constraints.0: constraint must limit one of params"),
        ({"constraints": "params < 3"}, "constraints: Input should be a valid tuple"),
    ],
)
def test_text_of_another_form_is_rejected_by_name(
    setting: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        validated(SearchConfig, {"proxy": PROXY, **setting})

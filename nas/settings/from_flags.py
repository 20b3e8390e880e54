"""From flags and files to one checked `SearchConfig`: what is given wins over the defaults."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from nas.mirror.url import check_url
from nas.settings.config import AUTO, SearchConfig
from nas.settings.start_points import start_points
from search_space.space import SearchSpace
from trainer.config import SettingError, validated
from trainer.step_table.table import load_step_table

# The embedded images are few, small and must not be mirrored; one short training of them takes
# a CPU core about a quarter of a minute. Real images get the defaults of `ProxyConfig`.
EMBEDDED_PROXY: dict[str, dict[str, Any]] = {
    "digits-scenes": {
        "epochs": 3,
        "image_size": 24,
        "batch_size": 32,
        "max_images": 4000,
        "holdout": 0.2,
        "flip": False,
    },
    "digits": {
        "epochs": 4,
        "batch_size": 32,
        "image_size": 16,
        "holdout": 0.25,
        "flip": False,
        "crop_padding": 0.0,
    },
}
# Twice the epochs would make the finals of 16 candidates take most of the search's time again.
EMBEDDED_FINALS: dict[str, dict[str, Any]] = {"digits-scenes": {"finalist_epochs": 4}}

# One process a core; beyond this many, the timer's exclusive leases begin to queue.
MOST_CPU_WORKERS = 8

# Flags that set a field of the proxy rather than of the search.
PROXY_FLAGS = (
    "epochs",
    "image_size",
    "batch_size",
    "max_images",
    "optimizer",
    "learning_rate",
    "precision",
)

# Flags that set a field of the rungs.
PROGRESSIVE_FLAGS = ("rungs", "eta", "accuracy_bound", "prune")
NESTED = {"proxy": PROXY_FLAGS, "progressive": PROGRESSIVE_FLAGS}


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that a YAML file and the flags name, nested as in `SearchConfig`.

    Raises:
        ValueError: If the file is not a mapping of settings.
        OSError: If the file cannot be read.
    """
    settings = _read_yaml(args.config) if args.config else {}
    nested = {name: settings.get(name) or {} for name in NESTED}
    for name, part in nested.items():
        if not isinstance(part, dict):
            raise ValueError(f"{args.config}: {name} must hold settings by name, got {part!r}")
    known = {*SearchConfig.model_fields, *PROXY_FLAGS, *PROGRESSIVE_FLAGS}
    flags = {
        name: value for name, value in vars(args).items() if value is not None and name in known
    }
    for name, names in NESTED.items():
        nested[name] |= {flag: flags.pop(flag) for flag in names if flag in flags}
    if "seed" in flags:
        nested["proxy"].pop("seed", None)  # of the file's run; the search's seed is the proxy's
    if "start_from" in flags:
        texts = ",".join(flags["start_from"]).split(",")
        flags["start_from"] = [text.strip() for text in texts]
    if "sampler_options" in flags:
        flags["sampler_options"] = dict(_option(text) for text in flags["sampler_options"])
    return {**settings, **flags, **nested}


def complete_config(given: Mapping[str, Any]) -> SearchConfig:
    """Fill in what was not given, from the space, the data and the device, and check it all.

    Raises:
        ValueError: If a setting is unknown or out of range; the message names it.
    """
    data = given.get("data", SearchConfig.model_fields["data"].default)
    space = SearchSpace.load(given.get("space", SearchConfig.model_fields["space"].default))
    where = _where(given)
    proxy = {
        "image_size": space.proxy_image_size,
        "seed": given.get("seed", 0),
        **EMBEDDED_PROXY.get(str(data), {}),
        **given["proxy"],
    }
    # Of the embedded epochs, not of whatever epochs somebody asks for.
    finals = {} if "epochs" in given["proxy"] else EMBEDDED_FINALS.get(str(data), {})
    settings = {
        **finals,
        **given,
        **where,
        "proxy": proxy,
    }
    try:
        config = validated(SearchConfig, settings)
        if config.mirror is not None:  # here, because a report needs no mirror
            check_url(config.mirror)
    except SettingError as error:
        raise ValueError(f"setting {error}" if error.setting else str(error)) from error
    return config


def check_files(config: SearchConfig) -> None:
    """Read what the settings name, to find fault before images are decoded for minutes.

    Raises:
        ValueError: If a space, a start point or a table is none.
        OSError: If a file cannot be read.
    """
    start_points(config.start_from, SearchSpace.load(config.space))
    if config.step_time_table not in (None, AUTO):
        load_step_table(config.step_time_table)


def default_name(config: SearchConfig) -> str:
    """Return the name of a run that was given none: what it searches, where, how."""
    data, space = (Path(text).stem for text in (config.data, config.space))
    fidelity = "" if config.fidelity == "full" else f"-{config.fidelity}"
    return f"{data}-{space}-{config.sampler}{fidelity}-{config.seed}"


def run_folder(out: Path, name: str) -> Path:
    """Return the folder of run `name`.

    Raises:
        ValueError: If the name is no plain folder name.
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"--name must be a plain name without slashes, got {name!r}")
    return out / name


def _where(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return workers and the GPUs of each: as given, else all that the machine or cluster has.

    Raises:
        ValueError: If the address of the cluster is none.
        OSError: If no cluster answers there.
    """
    workers, gpus = given.get("workers"), given.get("gpus_per_worker")
    address, budget = given.get("address"), given.get("budget")
    if workers is not None and gpus is not None:
        return {"workers": workers, "gpus_per_worker": gpus}
    if not isinstance(gpus, int | float | None) or not isinstance(budget, int | None):
        return {"workers": workers or 1, "gpus_per_worker": gpus}  # the check says what is wrong
    if isinstance(address, str):
        # Here, so that a Ray of our own finds its environment set before Ray is imported.
        from trainer.cluster.ray_capacity import cluster_workers

        room, gpus = cluster_workers(address, gpus)
    else:
        gpus = gpus if gpus is not None else float(torch.cuda.is_available())
        room = _room_here(gpus)
    fitting = max(1, min(room, budget or room))
    return {"workers": fitting if workers is None else workers, "gpus_per_worker": gpus}


def _room_here(gpus_per_worker: float) -> int:
    if gpus_per_worker > 0:
        return int(torch.cuda.device_count() / gpus_per_worker)
    return min(len(os.sched_getaffinity(0)), MOST_CPU_WORKERS)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--sampler-option must read NAME=VALUE, got {text!r}")
    return name, yaml.safe_load(value)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must hold settings by name, got {settings!r}")
    return settings

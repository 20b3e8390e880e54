"""Flags of nas-search, and the settings that flags and a YAML file give."""

import argparse
from pathlib import Path
from typing import Any

from nas.settings.config import (
    FINALISTS,
    LIMITS,
    PROXY_CHECK_CANDIDATES,
    PROXY_CHECK_EPOCHS_FACTOR,
    WORKERS,
    ProgressiveConfig,
    SearchConfig,
)
from nas.settings.defaults import EMBEDDED_PROXY
from search_space.checks import shortened, shown
from search_space.command_line.command import CommandParser, at_least
from search_space.command_line.flags import add_flags, flags_by_setting
from search_space.text_files import MAX_YAML_BYTES, parse_yaml, read_text
from trainer.config import ProxyConfig, ReadingConfig, parse_settings
from trainer.trackers.selection import add_tracker_flag

SEARCH = (
    *("budget", "data", "space", "sampler", "sampler_options", "seed", "w", "v"),
    *("constraints", "step_time_table", "start_from"),
)
PROXY = (
    *("epochs", "image_size", "batch_size", "max_images", "holdout", "optimizer"),
    *("learning_rate", "flip"),
)
READING = ("fit", "group_column", "skip_damaged", "strict")
PROGRESSIVE = ("rungs", "eta", "accuracy_bound", "prune")

METAVARS = {
    "sampler_options": "NAME=VALUE",
    "group_column": "NAME",
    "skip_damaged": "SHARE",
    "constraints": "LIMIT",
    "step_time_table": "FILE|auto",
    "start_from": "NETWORK,...",
    "finalists": "K",
    "finalist_seeds": "N",
    "finalist_epochs": "N",
    "mirror": "URL",
    "time_budget": "TIME",
    "candidate_timeout": "TIME",
    "worker_memory": "SIZE",
}
# Defaults that are not the fields', because the command line chooses them.
DEFAULTS = {
    "workers": "as many as fit",
    "gpus_per_worker": "1 if there is a GPU, else 0",
    "image_size": "the space's",
    "max_images": "all",
    "precision": "the faster one on this device",
}


def search_parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of nas-search; settings that are not given are None."""
    parser = CommandParser(
        prog=prog,
        description="Searches a space of ConvNets for the highest accuracy x step time^w x "
        "params^v. The same command resumes a run that was interrupted.",
    )
    add_flags(parser.add_argument_group("what is searched"), SearchConfig, SEARCH, METAVARS)
    images = parser.add_argument_group("how the images are read")
    add_flags(images, ReadingConfig, READING, METAVARS, prefix="reading.")
    proxy = parser.add_argument_group("each candidate's short training")
    defaults = {name: _proxy_default(name) for name in (*PROXY, "precision")}
    add_flags(proxy, ProxyConfig, defaults, defaults=defaults, prefix="proxy.")
    rungs = parser.add_argument_group("which candidates are trained, and how far")
    add_flags(rungs, SearchConfig, ["fidelity"])
    add_flags(rungs, ProgressiveConfig, PROGRESSIVE, prefix="progressive.")
    last = parser.add_argument_group("before a winner is named")
    add_flags(last, SearchConfig, FINALISTS, METAVARS)
    last.add_argument(
        "--proxy-check",
        nargs="?",
        type=at_least(4),
        const=PROXY_CHECK_CANDIDATES,
        metavar="K",
        help="Do not search. Train K random candidates as the search would, and again with more "
        "epochs, and tell whether the short training ranks them well enough (default of K: "
        "%(const)s)",
    )
    last.add_argument(
        "--proxy-check-epochs",
        type=at_least(2),
        metavar="N",
        help=f"Epochs of its longer training (default: {PROXY_CHECK_EPOCHS_FACTOR} x --epochs)",
    )
    last.add_argument(
        "--reweigh",
        nargs=2,
        type=float,
        metavar=("W", "V"),
        help="Do not search. Rank the candidates of run --name by a reward with other exponents",
    )
    where = parser.add_argument_group("where it runs")
    where.add_argument("--name", help="Name of the run (default: data, space, sampler, seed)")
    where.add_argument("--out", type=Path, default=Path("runs"), help="The run is OUT/NAME")
    add_flags(where, SearchConfig, WORKERS, METAVARS, defaults=DEFAULTS)
    add_tracker_flag(where, default="none")
    where.add_argument("--dashboard", action="store_true", help="Serve Ray's dashboard")
    where.add_argument("--config", type=Path, help="YAML file of settings; flags override it")
    add_flags(parser.add_argument_group("when it gives up"), SearchConfig, LIMITS, METAVARS)
    return parser


def _proxy_default(name: str) -> str:
    """Return the default of a proxy setting, and those for the embedded data sets."""
    usual = DEFAULTS.get(name, ProxyConfig.model_fields[name].default)
    embedded = {data: proxy[name] for data, proxy in EMBEDDED_PROXY.items() if name in proxy}
    return "; ".join([str(usual), *(f"{value} for {data}" for data, value in embedded.items())])


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that a YAML file and the flags give, nested as in `SearchConfig`.

    Flags override the file.

    Raises:
        ValueError: If the file is not a mapping of settings, or an option is not NAME=VALUE.
        OSError: If the file cannot be read.
    """
    settings: dict[str, Any] = {}
    if args.config:
        settings = _settings_of(args.config)
    for section in ("reading", "proxy", "progressive"):
        if settings.get(section) is None:  # without settings, or with comments only
            settings[section] = {}
        if not isinstance(settings[section], dict):
            raise ValueError(
                f"{args.config}: {section} must hold settings by name, "
                f"got {shown(settings[section])}"
            )
    flags = {name: value for name, value in vars(args).items() if value is not None}
    if "seed" in flags:
        settings["proxy"].pop("seed", None)  # the seed of the search is that of the proxy
    if "start_from" in flags:
        flags["start_from"] = [text.strip() for text in ",".join(flags["start_from"]).split(",")]
    if "sampler_options" in flags:
        flags["sampler_options"] = dict(map(_option, flags["sampler_options"]))
    for name, value in flags.items():
        section, _, setting = name.rpartition(".")
        if section:
            settings[section][setting] = value
        elif name in SearchConfig.model_fields:
            settings[name] = value
    return settings


def typed_names(parser: argparse.ArgumentParser, args: argparse.Namespace) -> dict[str, str]:
    """Return what the user typed for each setting: its flag, or its name in the YAML file.

    `args` are the arguments that `parser` returned; the file was read without errors.
    """
    names: dict[str, str] = {}
    if args.config:
        for name, value in _settings_of(args.config).items():
            inner = [f"{name}.{part}" for part in value] if isinstance(value, dict) else []
            names |= {one: f"{args.config}: setting {one}" for one in (name, *inner)}
    flags = flags_by_setting(parser)
    given = {name for name, value in vars(args).items() if value is not None}
    return names | {name: flag for name, flag in flags.items() if name in given}


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--sampler-option must read NAME=VALUE, got {shown(text)}")
    try:
        return name, parse_yaml(value)
    except ValueError as error:
        raise ValueError(f"--sampler-option {shortened(text)}: {error}") from error


def _settings_of(path: Path) -> dict[str, Any]:
    return parse_settings(read_text(path, max_bytes=MAX_YAML_BYTES), place=str(path))

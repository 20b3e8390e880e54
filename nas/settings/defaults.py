"""Defaults that depend on the data set, the search space and the device."""

import os
from collections.abc import Mapping
from typing import Any

import torch

from nas.mirror.url import VARIABLE, check_url, is_masked, without_password
from nas.settings.config import AUTO, SearchConfig
from search_space.command_line.command import name_part
from search_space.nearest import start_points
from search_space.space import SearchSpace
from trainer.cluster.loopback import require_loopback
from trainer.config import validated
from trainer.machine.cpus import available_cpus
from trainer.step_table.table import load_step_table

# The embedded images are few and small, and a mirrored digit is not a digit. One short training
# on them takes a CPU core about a quarter of a minute. Other images get `ProxyConfig`'s defaults.
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
# With twice the epochs, the finalists of 16 candidates would take most of the search's time again.
EMBEDDED_FINALISTS: dict[str, dict[str, Any]] = {"digits-scenes": {"finalist_epochs": 4}}

# One process per core; with more, the exclusive leases of the step timer begin to queue.
MAX_CPU_WORKERS = 8


def complete_config(given: Mapping[str, Any], typed: Mapping[str, str] = {}) -> SearchConfig:
    """Add the defaults that depend on space, data and device, and validate all settings.

    The given settings and what the user typed for them are those of `nas.settings.flags`.

    Raises:
        ValueError: If a setting is unknown or out of range; the message names it.
        OSError: If no Ray cluster answers at the given address.
    """
    data = str(given.get("data", SearchConfig.model_fields["data"].default))
    space = SearchSpace.load(given.get("space", SearchConfig.model_fields["space"].default))
    proxy = {
        "image_size": space.proxy_image_size,
        "seed": given.get("seed", 0),
        **EMBEDDED_PROXY.get(data, {}),
        **given["proxy"],
    }
    # The finalists' epochs belong to the embedded epochs, not to epochs that the user has set.
    finalists = {} if "epochs" in given["proxy"] else EMBEDDED_FINALISTS.get(data, {})
    settings = {
        **finalists,
        **given,
        **_worker_settings(given),
        "mirror": _mirror(given.get("mirror")),
        "proxy": proxy,
    }
    config = validated(SearchConfig, settings, typed=typed)
    if config.mirror is not None:  # not a validator, because a report needs no mirror
        check_url(config.mirror)
    return config


def _mirror(given: Any) -> Any:
    """Return the mirror that is given, or else that of the environment variable.

    A URL from the variable also stands for the same URL with a masked password, as in
    ``config.yaml``.
    """
    url = os.environ.get(VARIABLE) or None
    if given is None or url is None:
        return url if given is None else given
    same = isinstance(given, str) and is_masked(given) and without_password(url) == given
    return url if same else given


def check_files(config: SearchConfig) -> None:
    """Read the files that the settings name, to find errors before images are decoded.

    Workers on this machine need its loopback interface, which is checked too.

    Raises:
        ValueError: If a space, a network to start from or a table is not valid.
        OSError: If a file cannot be read.
    """
    if config.address is None:
        require_loopback()
    start_points(config.start_from, SearchSpace.load(config.space))
    if config.step_time_table not in (None, AUTO):
        load_step_table(config.step_time_table)


def default_name(config: SearchConfig) -> str:
    """Return the name of a run without ``--name``: data, space, sampler, fidelity, seed."""
    data, space = name_part(config.data), name_part(config.space)
    fidelity = "" if config.fidelity == "full" else f"-{config.fidelity}"
    return f"{data}-{space}-{config.sampler}{fidelity}-{config.seed}"


def _worker_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number of workers and the GPUs of each: as given, or all there are.

    Raises:
        ValueError: If the address of the cluster is not valid.
        OSError: If no cluster answers there.
    """
    workers, gpus = given.get("workers"), given.get("gpus_per_worker")
    address, budget = given.get("address"), given.get("budget")
    if workers is not None and gpus is not None:
        return {"workers": workers, "gpus_per_worker": gpus}
    if not isinstance(gpus, int | float | None) or not isinstance(budget, int | None):
        return {"workers": workers or 1, "gpus_per_worker": gpus}  # rejected by the validation
    if isinstance(address, str):
        # Imported here because it imports Ray, and `ray_session` must set Ray's environment first.
        from trainer.cluster.ray_connection import cluster_workers

        capacity, gpus = cluster_workers(address, gpus)
    else:
        gpus = gpus if gpus is not None else float(torch.cuda.is_available())
        capacity = min(available_cpus(), MAX_CPU_WORKERS)
        if gpus > 0:
            capacity = int(torch.cuda.device_count() / gpus)
    fitting = max(1, min(capacity, budget or capacity))
    return {"workers": fitting if workers is None else workers, "gpus_per_worker": gpus}

"""Which sampler finds good networks in few evaluations?

Runs many searches of NAS-Bench-201 and keeps every finished search in a cache, so that it can be
stopped and continued:

    python experiments/samplers/run.py --table nasbench201.parquet --cache CACHE \
        --samplers random evolution tpe auto --workers 1 16 --seeds 200
    python experiments/samplers/report.py --table nasbench201.parquet --cache CACHE \
        --out experiments/samplers
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import optuna
from simulate import simulate
from table import DATA_SETS, Table, table_path

from nas.engine.study import SamplerFactory, quiet_optuna
from nas.samplers import sampler_factory, sampler_names
from nas.samplers.base import named_seed


def factory_of(name: str, seed: int) -> SamplerFactory:
    """Return the factory of nas-search for the name, or that of Optuna's GP sampler for `gp`."""
    if name != "gp":
        return sampler_factory(name, seed=seed)
    make: Callable[[int], optuna.samplers.BaseSampler] = lambda number: (  # noqa: E731
        optuna.samplers.GPSampler(
            seed=named_seed(seed, number), n_startup_trials=10, deterministic_objective=True
        )
    )
    return make


def cache_file(cache: Path, data_set: str, sampler: str, workers: int) -> Path:
    return cache / f"{data_set}-{sampler}-{workers}.jsonl"


def finished(path: Path, evaluations: int) -> set[int]:
    """Return the seeds in a cache file with enough evaluations."""
    if not path.exists():
        return set()
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {line["seed"] for line in lines if len(line["picks"]) >= evaluations}


def main() -> None:
    """Run the searches that are missing in the cache."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="parquet file; default: $NASBENCH201")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--samplers", nargs="+", choices=(*sampler_names(), "gp"), required=True)
    parser.add_argument("--data-sets", nargs="+", choices=tuple(DATA_SETS), default=["cifar10"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=500)
    args = parser.parse_args()
    try:
        path = table_path(args.table)
    except FileNotFoundError as error:
        parser.error(str(error))
    quiet_optuna()
    optuna.logging.disable_default_handler()
    args.cache.mkdir(parents=True, exist_ok=True)
    for data_set in args.data_sets:
        table = Table.load(path, data_set)
        for sampler in args.samplers:
            for workers in args.workers:
                out = cache_file(args.cache, data_set, sampler, workers)
                done, start = finished(out, args.evaluations), time.perf_counter()
                for seed in sorted(set(range(args.seeds)) - done):
                    found = simulate(
                        table,
                        factory_of(sampler, seed),
                        evaluations=args.evaluations,
                        workers=workers,
                        seed=seed,
                    )
                    with out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"seed": seed, **vars(found)}) + "\n")
                print(f"{out.name}: {args.seeds} seeds, {time.perf_counter() - start:.0f} s more")


if __name__ == "__main__":
    main()

"""Prints the ranks of images with swapped labels among those that every network gets wrong.

    python -m experiments.label_errors.rank --run runs/labels --swapped DIR/swapped.json

Three orders are compared: by the probability of the label, as in the report; by the margin between
prediction and label; and by the share of networks that agree, then by the margin.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nas.analysis.label_errors import MIN_NETWORKS, Suspect, find_suspects
from nas.engine.ledger import LEDGER, read_ledger
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.predictions import read_predictions
from nas.run_folder.opening import read_run
from trainer.data.prepare import prepare

FIRST = (10, 20)


def margin(one: Suspect) -> float:
    """Return how much more probable the predictions are than the label."""
    return one.confidence - one.label_probability


ORDERS: dict[str, Callable[[Suspect], tuple[float, ...]]] = {
    "probability of the label": lambda one: (one.label_probability,),
    "margin": lambda one: (-margin(one),),
    "agreement, margin": lambda one: (-one.said[0][1] / one.networks, -margin(one)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--swapped", type=Path, required=True)
    args = parser.parse_args()
    run = read_run(args.run)
    config = run.files.config
    last = FinalistRound.of_run(args.run, config, read_ledger(args.run / LEDGER).run_id)
    found = read_predictions(last, run.records)
    accuracies = ", ".join(f"{100 * one.accuracy:.1f}" for one in found.found)
    print(f"{len(found.found)} networks, accuracies {accuracies} %; {found.missing} missing")
    images = prepare(config.data, config.proxy.image_size, config.reading)
    origins = images.splits["train"].origins
    assert origins is not None
    right = json.loads(args.swapped.read_text())
    swapped = {n for n in range(len(images.splits["train"])) if origins[n] in right}
    judged = Counter(position for one in found.found for position in one.positions.tolist())
    can_be_found = {position for position in swapped if judged[position] >= MIN_NETWORKS}
    suspects = find_suspects(found.found)
    print(
        f"{suspects.num_judged} images judged by at least {MIN_NETWORKS} networks, "
        f"{len(can_be_found)} of them swapped; {len(suspects.images)} wrong by all"
    )
    for name, key in ORDERS.items():
        order = sorted(suspects.images, key=key)
        ranks = [rank for rank, one in enumerate(order, 1) if one.position in swapped]
        first = [f"{sum(rank <= most for rank in ranks)} of the first {most}" for most in FIRST]
        print(f"{name}: {len(ranks)} swapped; {', '.join(first)}; ranks {ranks}")
    among = [one for one in suspects.images if one.position in swapped]
    said = sum(images.class_names[one.said[0][0]] == right[origins[one.position]] for one in among)
    print(f"most networks name the right class of {said} of {len(among)}")


if __name__ == "__main__":
    main()

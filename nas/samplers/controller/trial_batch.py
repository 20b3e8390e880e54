"""Trials as a padded batch of tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from nas.samplers.controller.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBatch:
    """B trials of at most T actions, time first, padded at their ends.

    V is the number of options of all decisions that occur in the batch.

    Attributes:
        num_options: Decision -> number of its options, in the order of the V options.
        inputs: Input of each step: 0 at the start, else 1 + the action before, int64 [T, B].
        actions: Option among the V that each step chose; 0 in the padding, int64 [T, B].
        log_probs: Log-probabilities with which the actions were drawn; NaN where no policy
            drew them and in the padding, float64 [T, B].
        step_mask: True where there is an action, False in the padding, bool [T, B].
        invalid_options: True for the options of other decisions than the step's; False in the
            padding, bool [T, B, V].
    """

    num_options: Mapping[str, int]
    inputs: Tensor
    actions: Tensor
    log_probs: Tensor
    step_mask: Tensor
    invalid_options: Tensor

    @classmethod
    def of(cls, trials: Sequence[Sequence[Action]]) -> "TrialBatch":
        """Return the batch of `trials`, each of which has at least one action."""
        sizes = {action.decision: action.num_options for trial in trials for action in trial}
        starts = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
        decisions = torch.arange(len(sizes)).repeat_interleave(torch.tensor([*sizes.values()]))
        rows = [
            torch.tensor([starts[action.decision] + action.option for action in trial])
            for trial in trials
        ]
        log_probs = [
            torch.tensor([action.log_prob for action in trial], dtype=torch.float64)
            for trial in trials
        ]
        actions = pad_sequence(rows)
        step_mask = pad_sequence([torch.ones_like(row, dtype=torch.bool) for row in rows])
        other_decisions = decisions != decisions[actions].unsqueeze(2)
        return cls(
            num_options=sizes,
            inputs=pad_sequence([pad(row[:-1] + 1, (1, 0)) for row in rows]),
            actions=actions,
            log_probs=pad_sequence(log_probs, padding_value=torch.nan),
            step_mask=step_mask,
            invalid_options=other_decisions & step_mask.unsqueeze(2),
        )

"""The controller's policy network, an LSTM, and its updates by PPO."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn.utils import skip_init
from torch.nn.utils.rnn import pad_sequence

from nas.samplers.base import named_seed
from nas.samplers.controller.episodes import Action

INIT_RANGE = 0.1  # weights are initialized uniformly within +-0.1; NASNet, appendix A.2
_MASKED_LOGIT = -1e9  # its exponential is exactly 0, and finite values keep gradients finite

LstmState = tuple[Tensor, Tensor]  # hidden and cell state, each [B, H]


@contextmanager
def single_thread() -> Iterator[None]:
    """Run torch with one thread, which makes sums reproducible; restore the setting after."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


class DecisionLayers(nn.Module):
    """Output layer, from [B, H] to [B, n], and embeddings, [n, H], of a decision's n options."""

    def __init__(self, num_options: int, hidden: int) -> None:
        super().__init__()
        self.output = skip_init(nn.Linear, hidden, num_options, dtype=torch.float64)
        self.embedding = skip_init(nn.Embedding, num_options, hidden, dtype=torch.float64)


class Policy:
    """One LSTM layer with a softmax and embeddings for each decision, on the CPU in float64.

    Decisions get their layers when they first occur. Initial weights are a function of the seed
    and the decision's name alone, so the order in which decisions occur does not matter.
    Decisions that are not made take no step. `ControllerSampler` documents the arguments.

    Source: Zoph et al., Learning Transferable Architectures (arXiv:1707.07012, appendix A.2).
    """

    def __init__(
        self,
        *,
        seed: int,
        hidden: int,
        learning_rate: float,
        epochs: int,
        clip: float,
        entropy: float,
    ) -> None:
        self._seed, self._hidden, self._epochs = seed, hidden, epochs
        self._clip, self._entropy = clip, entropy
        self._layers: dict[str, DecisionLayers] = {}
        self._lstm = skip_init(nn.LSTMCell, hidden, hidden, dtype=torch.float64)
        self._start = skip_init(nn.Embedding, 1, hidden, dtype=torch.float64)
        weights = self._initialized("lstm", self._lstm) + self._initialized("start", self._start)
        # Adam keeps a step count for each weight and skips weights without a gradient, so a
        # decision that occurs late learns as fast as the others.
        self._optimizer = torch.optim.Adam(weights, lr=learning_rate, fused=True)

    def layers(self, decision: str, num_options: int) -> DecisionLayers:
        """Return the layers of a decision; created at the first call."""
        if decision not in self._layers:
            layers = self._layers[decision] = DecisionLayers(num_options, self._hidden)
            parameters = self._initialized(f"decision/{decision}", layers)
            self._optimizer.add_param_group({"params": parameters})
        return self._layers[decision]

    @torch.no_grad()
    @single_thread()
    def advance(self, state: LstmState | None, actions: Sequence[Action]) -> LstmState:
        """Return the state in which the decision after `actions` is made; B = 1.

        Args:
            state: State before `actions`; None at the start of a trial.
            actions: Actions to go through, in their order.
        """
        after: LstmState = state or self._lstm(self._start.weight)
        for action in actions:
            embedding = self.layers(action.decision, action.num_options).embedding
            after = self._lstm(embedding.weight[action.option : action.option + 1], after)
        return after

    @torch.no_grad()
    @single_thread()
    def log_probs(self, state: LstmState, decision: str, num_options: int) -> list[float]:
        """Return the log-probability of each option of a decision."""
        logits = self.layers(decision, num_options).output(state[0])
        values: list[float] = logits.log_softmax(dim=1)[0].tolist()
        return values

    def forward(self, num_options: Mapping[str, int], actions: Tensor) -> Categorical:
        """Return the distributions over the V options at every step, of batch shape [T, B].

        The log-probability of an option of another decision is about -1e9, and its probability
        is 0. Both arguments are as `pad_trials` returns them; a step in the padding has the last
        decision.
        """
        layers = [self.layers(name, size) for name, size in num_options.items()]
        embeddings = torch.cat([self._start.weight, *(each.embedding.weight for each in layers)])
        weight = torch.cat([each.output.weight for each in layers])  # [V, H]
        bias = torch.cat([each.output.bias for each in layers])
        inputs = nn.functional.pad(actions[:-1] + 1, (0, 0, 1, 0))  # 0 is the start
        state: Any = None  # the LSTM starts with zeros
        hidden = []
        for each in nn.functional.embedding(inputs, embeddings):
            state = self._lstm(each, state)
            hidden.append(state[0])
        logits = nn.functional.linear(torch.stack(hidden), weight, bias)
        sizes = torch.tensor([*num_options.values()])
        decisions = torch.arange(len(sizes)).repeat_interleave(sizes)  # of each option, [V]
        is_other = decisions != decisions[actions].unsqueeze(2)
        logits = logits.masked_fill(is_other, _MASKED_LOGIT)
        return Categorical(logits=logits, validate_args=False)

    @torch.enable_grad()
    @single_thread()
    def update(self, trials: Sequence[Sequence[Action]], advantages: Sequence[float]) -> None:
        """Take the Adam steps of one batch of trials; trials without actions are left out.

        Actions that no policy drew count as drawn by the policy before the update.

        Source: PPO's clipped objective (arXiv:1707.06347, equation 7) with each decision as an
            action that has the advantage of its whole trial, and an entropy term as NASNet has
            (arXiv:1707.07012, appendix A.2).

        Args:
            trials: Actions of each trial.
            advantages: Advantage of each trial, in standard deviations of the reward.
        """
        used = [index for index, actions in enumerate(trials) if actions]
        if not used:
            return
        num_options, actions, old_log_probs = pad_trials([trials[index] for index in used])
        advantage = torch.tensor([advantages[index] for index in used], dtype=torch.float64)
        for _ in range(self._epochs):
            options = self.forward(num_options, actions)
            log_probs = options.log_prob(actions.clamp(min=0))
            old_log_probs = old_log_probs.where(~old_log_probs.isnan(), log_probs.detach())
            ratio = (log_probs - old_log_probs).exp()
            objective = clipped_objective(ratio, advantage, self._clip)
            objective = objective + self._entropy * options.entropy()
            self._optimizer.zero_grad()
            (-objective[actions >= 0].mean()).backward()
            self._optimizer.step()

    def _initialized(self, name: str, module: nn.Module) -> list[nn.Parameter]:
        """Initialize a module from the random stream `name` and return its weights."""
        generator = torch.Generator().manual_seed(named_seed(self._seed, name))
        parameters = list(module.parameters())
        for parameter in parameters:
            nn.init.uniform_(parameter, -INIT_RANGE, INIT_RANGE, generator)
        return parameters


def pad_trials(trials: Sequence[Sequence[Action]]) -> tuple[dict[str, int], Tensor, Tensor]:
    """Return B trials of at most T actions as tensors, time first, padded at their ends.

    Args:
        trials: Actions of each trial, at least one.

    Returns:
        The number of options of each decision that occurs, V options in all; the option among
        the V that each step chose, -1 in the padding, int64 [T, B]; the log-probabilities with
        which the options were drawn, NaN where no policy drew them and in the padding, float64
        [T, B].
    """
    sizes = {action.decision: action.num_options for trial in trials for action in trial}
    starts = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
    rows = [
        [(starts[action.decision] + action.option, action.log_prob) for action in trial]
        for trial in trials
    ]
    tensors = [torch.tensor(row, dtype=torch.float64) for row in rows]
    actions, log_probs = pad_sequence(tensors, padding_value=torch.nan).unbind(2)
    return sizes, actions.nan_to_num(nan=-1).long(), log_probs


def clipped_objective(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return PPO's clipped objective of each action, to be maximized, [T, B].

    Args:
        ratio: Probability of the action / probability with which it was drawn, [T, B].
        advantage: Advantage of each trial, [B].
        clip: Distance from 1 beyond which a ratio is not rewarded.
    """
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)

"""The controller's policy network: an LSTM that makes one decision after the other."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn.utils import skip_init

from nas.samplers.controller.trial_batch import Action, TrialBatch
from nas.samplers.seeding import named_seed

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
    """Output layer and embeddings of one decision with n options.

    Attributes:
        output: Linear layer from the hidden state [B, H] to the logits [B, n].
        embedding: Embedding of each option, [n, H].
    """

    def __init__(self, num_options: int, hidden: int) -> None:
        super().__init__()
        kwargs = {"device": "cpu", "dtype": torch.float64}
        self.output = skip_init(nn.Linear, hidden, num_options, **kwargs)
        self.embedding = skip_init(nn.Embedding, num_options, hidden, **kwargs)


class Policy:
    """One LSTM layer with a softmax and embeddings for each decision, on the CPU in float64.

    Decisions get their layers when they first occur. Initial weights are a function of the seed
    and the decision's name alone, so the order in which decisions occur does not matter.
    Decisions that are not made take no step.

    Attributes:
        lstm: The LSTM cell, from H to H features.
        start: Embedding that is the input of the first step, [1, H].

    Source: Zoph et al., Learning Transferable Architectures (arXiv:1707.07012, appendix A.2).
    """

    def __init__(self, *, seed: int, hidden: int) -> None:
        self._seed, self._hidden = seed, hidden
        self._layers: dict[str, DecisionLayers] = {}
        kwargs = {"device": "cpu", "dtype": torch.float64}
        self.lstm = skip_init(nn.LSTMCell, hidden, hidden, **kwargs)
        self.start = skip_init(nn.Embedding, 1, hidden, **kwargs)
        self._initialize("lstm", self.lstm)
        self._initialize("start", self.start)

    def layers(self, decision: str, num_options: int) -> DecisionLayers:
        """Return the layers of a decision; created at the first call."""
        if decision not in self._layers:
            layers = self._layers[decision] = DecisionLayers(num_options, self._hidden)
            self._initialize(f"decision/{decision}", layers)
        return self._layers[decision]

    @torch.no_grad()
    @single_thread()
    def initial_state(self) -> LstmState:
        """Return the state in which the first decision is made; B = 1."""
        return self._step(self.start.weight, self._zero_state(1))

    @torch.no_grad()
    @single_thread()
    def step(self, state: LstmState, action: Action) -> LstmState:
        """Return the state after `action`, in which the next decision is made; B = 1."""
        embedding = self.layers(action.decision, action.num_options).embedding
        return self._step(embedding.weight[action.option : action.option + 1], state)

    @torch.no_grad()
    @single_thread()
    def log_probs(self, state: LstmState, decision: str, num_options: int) -> list[float]:
        """Return the log-probability of each option of a decision."""
        logits = self.layers(decision, num_options).output(state[0])
        values: list[float] = logits.log_softmax(dim=1)[0].tolist()
        return values

    def forward(self, batch: TrialBatch) -> Categorical:
        """Return the distributions over the V options at every step, of batch shape [T, B].

        The log-probability of an invalid option is about -1e9, and its probability is 0.
        """
        layers = [self.layers(name, batch.num_options(name)) for name in batch.columns]
        embeddings = torch.cat([self.start.weight, *(one.embedding.weight for one in layers)])
        weight = torch.cat([one.output.weight for one in layers])  # [V, H]
        bias = torch.cat([one.output.bias for one in layers])
        state, outputs = self._zero_state(batch.inputs.shape[1]), []
        for inputs in nn.functional.embedding(torch.from_numpy(batch.inputs), embeddings):
            state = self._step(inputs, state)
            outputs.append(state[0])
        logits = nn.functional.linear(torch.stack(outputs), weight, bias)
        invalid = torch.from_numpy(batch.invalid_options)
        logits = logits.masked_fill(invalid, _MASKED_LOGIT)
        return Categorical(logits=logits, validate_args=False)

    def _step(self, inputs: Tensor, state: LstmState) -> LstmState:
        hidden, cell = self.lstm(inputs, state)
        return hidden, cell

    def _zero_state(self, batch: int) -> LstmState:
        zeros = torch.zeros(batch, self._hidden, device="cpu", dtype=torch.float64)
        return zeros, zeros

    def _initialize(self, name: str, module: nn.Module) -> None:
        generator = torch.Generator("cpu").manual_seed(named_seed(self._seed, name))
        for weight in module.parameters():
            nn.init.uniform_(weight, -INIT_RANGE, INIT_RANGE, generator)

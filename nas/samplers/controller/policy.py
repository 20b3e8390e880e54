"""The controller's policy network: an LSTM that makes one decision after the other."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn.utils import skip_init

from nas.samplers.controller.actions import Action
from nas.samplers.controller.trial_batch import TrialBatch
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
    """Output layer, from [B, H] to [B, n], and embeddings, [n, H], of a decision's n options."""

    def __init__(self, num_options: int, hidden: int) -> None:
        super().__init__()
        self.output = skip_init(nn.Linear, hidden, num_options, dtype=torch.float64)
        self.embedding = skip_init(nn.Embedding, num_options, hidden, dtype=torch.float64)


class Policy:
    """One LSTM layer with a softmax and embeddings for each decision, on the CPU in float64.

    Decisions get their layers when they first occur. Initial weights are a function of the seed
    and the decision's name alone, so the order in which decisions occur does not matter.
    Decisions that are not made take no step.

    Attributes:
        start: Embedding that is the input of the first step, [1, H].
        optimizer: Adam over all weights. It keeps a step count for each weight and skips weights
            without a gradient, so a decision that occurs late learns as fast as the others.

    Source: Zoph et al., Learning Transferable Architectures (arXiv:1707.07012, appendix A.2).
    """

    def __init__(self, *, seed: int, hidden: int, learning_rate: float) -> None:
        self._seed, self._hidden = seed, hidden
        self._layers: dict[str, DecisionLayers] = {}
        self._lstm = skip_init(nn.LSTMCell, hidden, hidden, dtype=torch.float64)
        self.start = skip_init(nn.Embedding, 1, hidden, dtype=torch.float64)
        parameters = self._initialized("lstm", self._lstm) + self._initialized("start", self.start)
        self.optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)

    def layers(self, decision: str, num_options: int) -> DecisionLayers:
        """Return the layers of a decision; created at the first call."""
        if decision not in self._layers:
            layers = self._layers[decision] = DecisionLayers(num_options, self._hidden)
            parameters = self._initialized(f"decision/{decision}", layers)
            self.optimizer.add_param_group({"params": parameters})
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
        layers = [self.layers(name, size) for name, size in batch.num_options.items()]
        embeddings = torch.cat([self.start.weight, *(each.embedding.weight for each in layers)])
        weight = torch.cat([each.output.weight for each in layers])  # [V, H]
        bias = torch.cat([each.output.bias for each in layers])
        state, hidden = self._zero_state(batch.inputs.shape[1]), []
        for inputs in nn.functional.embedding(batch.inputs, embeddings):
            state = self._step(inputs, state)
            hidden.append(state[0])
        logits = nn.functional.linear(torch.stack(hidden), weight, bias)
        logits = logits.masked_fill(batch.invalid_options, _MASKED_LOGIT)
        return Categorical(logits=logits, validate_args=False)

    def _step(self, inputs: Tensor, state: LstmState) -> LstmState:
        hidden, cell = self._lstm(inputs, state)
        return hidden, cell

    def _zero_state(self, batch_size: int) -> LstmState:
        zeros = torch.zeros(batch_size, self._hidden, dtype=torch.float64)
        return zeros, zeros

    def _initialized(self, name: str, module: nn.Module) -> list[nn.Parameter]:
        """Initialize a module from the random stream `name` and return its weights."""
        generator = torch.Generator().manual_seed(named_seed(self._seed, name))
        parameters = list(module.parameters())
        for parameter in parameters:
            nn.init.uniform_(parameter, -INIT_RANGE, INIT_RANGE, generator)
        return parameters

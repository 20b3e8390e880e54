import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.candidate import Candidate, Outcome, State
from nas.metrics import Metrics
from tests.toys.metrics import WHOLE

TIMED = {name: value for name, value in WHOLE.items() if name != "accuracy"}

numbers = st.floats(allow_nan=False, allow_infinity=False)
others = st.dictionaries(st.text(), numbers | st.integers() | st.text() | st.booleans())
metrics = st.builds(
    lambda known, other: Metrics.from_dict({**known, **other}),
    st.sampled_from(({}, TIMED, WHOLE)),
    others,
)
complete = st.builds(
    Outcome,
    state=st.just(State.COMPLETE),
    reward=numbers,
    metrics=metrics,
    reason=st.text(),
    worker=st.text(),
    seconds=numbers,
)
candidates = st.builds(
    Candidate,
    number=st.integers(min_value=0),
    choices=st.dictionaries(st.text(), st.integers() | st.text()),
    key=st.text(),
)


@given(complete)
def test_an_outcome_survives_json_exactly(outcome: Outcome) -> None:
    assert Outcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


@given(candidates)
def test_a_candidate_survives_json_exactly(candidate: Candidate) -> None:
    assert Candidate.from_dict(json.loads(json.dumps(candidate.to_dict()))) == candidate


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"Outcome\.reward must be finite, got"):
        Outcome(state=State.COMPLETE, reward=value)
    with pytest.raises(ValueError, match=r"Outcome\.metrics\['loss'\] must be finite, got"):
        Outcome(state=State.COMPLETE, reward=0.5, metrics=Metrics(other={"loss": value}))


@pytest.mark.parametrize("state", [State.FAIL, State.INFEASIBLE])
def test_only_a_complete_candidate_has_a_reward(state: State) -> None:
    with pytest.raises(ValueError, match=rf"must be 0 where state is {state}, got 0\.5"):
        Outcome(state=state, reward=0.5)


def test_an_unknown_state_is_refused() -> None:
    data = {**Outcome.failed("out of memory").to_dict(), "state": "RUNNING"}
    with pytest.raises(ValueError, match="RUNNING"):
        Outcome.from_dict(data)

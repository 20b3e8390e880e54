import pytest
import torch
from torch import Tensor

from trainer.augment import per_kind
from trainer.augment.per_kind import apply_per_kind


def add(values: Tensor, amounts: Tensor) -> Tensor:
    return values + amounts[:, None]


def subtract(values: Tensor, amounts: Tensor) -> Tensor:
    return values - amounts[:, None]


def clear(values: Tensor, _: Tensor) -> Tensor:
    return torch.zeros_like(values)


@pytest.mark.parametrize("together", [True, False])
def test_each_row_gets_its_operation_with_its_inputs(
    together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_kind, "gathers_rows", lambda _: together)
    kinds = torch.tensor([1, 0, 2, 1, 0])
    values = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]])
    amounts = torch.tensor([10, 20, 30, 40, 50])
    changed = apply_per_kind(kinds, (add, subtract, clear), values, amounts)
    assert changed.tolist() == [[-9, -8], [23, 24], [0, 0], [-33, -32], [59, 60]]


def test_on_a_cpu_an_operation_gets_only_its_rows() -> None:
    seen: list[int] = []

    def watched(values: Tensor) -> Tensor:
        seen.extend(values[:, 0].tolist())
        return values

    def other(values: Tensor) -> Tensor:
        return values

    values = torch.arange(6)[:, None]
    apply_per_kind(torch.tensor([0, 1, 1, 0, 0, 1]), (other, watched), values)
    assert seen == [1, 2, 5]

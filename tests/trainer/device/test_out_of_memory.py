"""A full device is an error in one line; other errors stay what they are."""

import pytest
import torch

from trainer.device.out_of_memory import refused_if_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory\nmore"),
    ],
)
def test_a_full_device_is_one_line_with_advice(error: RuntimeError) -> None:
    with (
        pytest.raises(ValueError, match=r"^out of memory, .*memory.*; take less$") as found,
        refused_if_out_of_memory("take less"),
    ):
        raise error
    assert "\n" not in str(found.value)


def test_the_first_error_may_be_hidden_by_a_second_one() -> None:
    def captured() -> None:
        try:
            raise torch.OutOfMemoryError("full")
        finally:
            raise RuntimeError("the capture ended")

    with pytest.raises(ValueError, match="take less"), refused_if_out_of_memory("take less"):
        captured()


def test_other_errors_stay() -> None:
    with pytest.raises(RuntimeError, match="shapes"), refused_if_out_of_memory("take less"):
        raise RuntimeError("shapes differ")

"""Names of splits: which are known, which are nearly known, and two for one split."""

import pytest

from trainer.data.sources.split_names import find_splits, nearest_split, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in ("train", "Training", " TRAIN ")),
        *((name, "validation") for name in ("val", "valid", "Validation", "dev", "eval")),
        *((name, "test") for name in ("test", "Testing")),
        *((name, None) for name in ("extra", "trainset", "")),
    ],
)
def test_usual_names_in_any_case(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_splits_are_in_order_and_others_are_listed() -> None:
    found = find_splits("DIR", ["test", "unlabeled", "Dev", "training", "extra"])
    assert [*found.names.items()] == [
        *(("train", "training"), ("validation", "Dev"), ("test", "test")),
    ]
    assert found.others == ["extra", "unlabeled"]
    assert found.notes == ()


@pytest.mark.parametrize("names", [("dev", "eval"), ("validation", "evaluation")])
def test_next_to_a_validation_split_eval_is_the_test_split(names: tuple[str, str]) -> None:
    found = find_splits("DIR", ["train", *names])
    assert found.names == {"train": "train", "validation": names[0], "test": names[1]}
    assert found.notes == (
        f"{names[1]} is taken as the test split, because {names[0]} is validation",
    )


@pytest.mark.parametrize(
    ("names", "chosen", "ignored"),
    [
        (["dev", "eval", "test"], {"validation": "dev", "test": "test"}, "eval is ignored"),
        (["dev", "Validation"], {"validation": "Validation"}, "dev is ignored"),
        (
            ["val", "dev", "eval", "test"],
            {"validation": "val", "test": "test"},
            "dev and eval are ignored",
        ),
        (["val", "dev", "eval"], {"validation": "val", "test": "eval"}, "dev is ignored"),
    ],
)
def test_one_of_several_validation_splits_is_used(
    names: list[str], chosen: dict[str, str], ignored: str
) -> None:
    found = find_splits("DIR", ["train", *names], can_rename=False)
    assert found.names == {"train": "train", **chosen}
    assert found.others == []
    assert found.notes[-1] == f"{chosen['validation']} is the validation split, and {ignored}"


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (["train", "Training"], "DIR has two train splits, Training and train"),
        (["train", "valid", "val"], "two validation splits, val and valid"),
        (["train", "dev", "Dev"], "two validation splits, Dev and dev"),
        (["train", "eval", "evaluation", "dev"], "two validation splits, dev and eval"),
        (["train", "tests"], "'tests', which is no name of a split; did you mean test?"),
    ],
)
def test_two_names_and_misspelt_names_are_errors(names: list[str], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        find_splits("DIR", names)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        *(("trian", "train"), ("train_set", "train"), ("test-2", "test"), ("01 val", "val")),
        *(("extra", None), ("unsupervised", None), ("data", None), ("train", None)),
    ],
)
def test_nearest_names(name: str, near: str | None) -> None:
    assert nearest_split(name) == near


def test_longer_names_are_no_error_where_the_split_exists_or_cannot_be_renamed() -> None:
    assert find_splits("DIR", ["train", "train_extra"]).others == ["train_extra"]
    assert find_splits("a/b", ["train", "test_1"], can_rename=False).others == ["test_1"]

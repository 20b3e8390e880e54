"""Plans of the recipes: values of the paper and the released code, phases, durations."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.config import validated
from trainer.fit.plan import TrainPlan, cache_size, make_plan
from trainer.recipes.config import Duration, Recipe, load_recipe, recipe_names

IMAGENET_IMAGES = 1_256_144
SETTINGS: dict[str, Any] = {
    "duration": {"steps": 100},
    "batch_size": 10,
    "phases": {
        "kind": "progressive",
        "count": 4,
        "first": {"image_size": 16},
        "last": {"image_size": 32},
    },
    "learning_rate": {"base": 0.1},
}


def plan_of(recipe: Recipe, num_images: int = IMAGENET_IMAGES, seed: int = 0) -> TrainPlan:
    return make_plan(recipe, num_images=num_images, train_size=300, eval_size=384, seed=seed)


def changed(**settings: Any) -> Recipe:
    return validated(Recipe, {**SETTINGS, **settings}, place="test")


@pytest.mark.parametrize("name", recipe_names())
def test_every_packaged_recipe_makes_a_plan(name: str) -> None:
    plan = plan_of(load_recipe(name))
    assert sum(plan.steps_in_phases()) == plan.total_steps
    assert all(steps > 0 for steps in plan.steps_in_phases())


@pytest.mark.parametrize(
    ("name", "sizes", "magnitudes", "mixup", "cutmix", "dropout"),
    [
        ("s-paper", (128, 185, 242, 300), (5, 15), (0, 0), (0, 0), (0.1, 0.3)),
        ("m-paper", (128, 212, 296, 380), (5, 20), (0, 0.2), (0, 0), (0.1, 0.4)),
        ("l-paper", (128, 212, 296, 380), (5, 25), (0, 0.4), (0, 0), (0.1, 0.5)),
        ("s-google", (171, 214, 257, 300), (5, 10), (0, 0), (0, 0), (0.2, 0.2)),
        ("m-google", (192, 256, 320, 384), (5, 15), (0, 0.2), (0, 0.2), (0.3, 0.3)),
        ("l-google", (192, 256, 320, 384), (5, 20), (0, 0.5), (0, 0.5), (0.4, 0.4)),
    ],
)
def test_the_imagenet_recipes_have_the_published_first_and_last_phases(
    name: str,
    sizes: tuple[int, ...],
    magnitudes: tuple[float, float],
    mixup: tuple[float, float],
    cutmix: tuple[float, float],
    dropout: tuple[float, float],
) -> None:
    phases = plan_of(load_recipe(f"imagenet-{name}")).phases
    ends = (phases[0], phases[-1])
    assert tuple(phase.image_size for phase in phases) == sizes
    assert tuple(phase.randaug_magnitude for phase in ends) == magnitudes
    assert tuple(phase.mixup_alpha for phase in ends) == mixup
    assert tuple(phase.cutmix_alpha for phase in ends) == cutmix
    assert tuple(phase.dropout for phase in ends) == dropout


def test_the_imagenet_recipe_has_the_released_codes_steps_phases_and_rates() -> None:
    plan = plan_of(load_recipe("imagenet-s-google"))
    assert plan.total_steps == 107_336
    assert plan.segments == ((0, 0), (26834, 1), (53668, 2), (80502, 3))
    expected = {766: 0.127917, 1532: 0.255833, 1533: 0.240870, 107335: 0.00309130}
    for step, rate in expected.items():
        assert plan.learning_rate(step) == pytest.approx(rate, rel=5e-6)


def test_pretraining_on_21k_has_the_released_codes_steps_and_peak() -> None:
    plan = plan_of(load_recipe("imagenet21k"), num_images=12_720_275)
    assert plan.total_steps == 186_332
    assert plan.learning_rate(3105) == pytest.approx(0.128, rel=1e-3)
    assert plan.learning_rate(186_331) == pytest.approx(0.0, abs=1e-8)


@given(st.integers(4, 500), st.integers(2, 4))
def test_phases_are_in_order_and_of_equal_length(steps: int, count: int) -> None:
    phases = {**SETTINGS["phases"], "count": count}
    plan = plan_of(changed(duration={"steps": steps}, phases=phases))
    indices = [plan.phase_index(step) for step in range(steps)]
    assert indices == sorted(indices)
    assert tuple(map(indices.count, range(count))) == plan.steps_in_phases()
    assert max(plan.steps_in_phases()) - min(plan.steps_in_phases()) <= 1


def test_random_resize_draws_a_phase_per_interval_from_the_seed() -> None:
    phases = {**SETTINGS["phases"], "kind": "random-resize", "redraw": {"steps": 5}}
    recipe = changed(phases=phases)
    plan = plan_of(recipe)
    indices = [plan.phase_index(step) for step in range(100)]
    assert set(indices) == {0, 1, 2, 3}
    assert all(len(set(indices[start : start + 5])) == 1 for start in range(0, 100, 5))
    assert plan_of(recipe).segments == plan.segments
    assert plan_of(recipe, seed=1).segments != plan.segments


def test_a_duration_is_the_same_in_every_unit() -> None:
    plan = plan_of(changed(), num_images=50)  # five steps an epoch
    units = (Duration(steps=20), Duration(epochs=4), Duration(fraction=0.2))
    assert [plan.steps(unit) for unit in units] == [20, 20, 20]
    due = [done for done in range(1, 101) if plan.is_due(Duration(epochs=7), done)]
    assert due == [35, 70, 100]  # the last step always counts


def test_a_fractional_epoch_is_due_once_per_epoch() -> None:
    plan = plan_of(changed(), num_images=25)  # 2.5 steps an epoch
    assert [done for done in range(1, 11) if plan.is_due(Duration(epochs=1), done)] == [
        3,
        5,
        8,
        10,
    ]


def test_image_sizes_are_shares_of_the_architectures_size_or_pixels() -> None:
    phases = {"kind": "progressive", "first": {"image_size": 0.43}, "last": {"image_size": 1.0}}
    plan = plan_of(changed(phases=phases))
    assert [phase.image_size for phase in plan.phases] == [128, 185, 242, 300]


@pytest.mark.parametrize(
    ("change", "size"),
    [({}, 48), ({"eval_size": 24}, 32), ({"cache_size": 28}, 28)],
)
def test_images_are_decoded_at_the_largest_size_in_use(change: dict[str, int], size: int) -> None:
    assert cache_size(changed(**change), train_size=300, eval_size=48) == size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batchsize": 3}, "batchsize"),
        ({"batch_size": 1}, "batch_size"),
        ({"duration": {"steps": 3, "epochs": 2}}, "exactly one of"),
        ({"duration": {"fraction": 0.5}}, "must be in steps or epochs"),
        ({"phases": {"kind": "fixed", "first": {}, "last": {}}}, "has no first"),
        ({"phases": {"kind": "progressive", "last": {}}}, "needs first"),
        ({"phases": {**SETTINGS["phases"], "kind": "random-resize"}}, "redraw"),
        ({"augment": {"crop": {"scale": [0.5, 0.1]}}}, "low <= high"),
    ],
)
def test_an_invalid_recipe_is_refused_by_setting(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(**change)


def test_too_few_steps_for_the_phases_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 steps"):
        plan_of(changed(duration={"epochs": 1}), num_images=30)

"""One line of plain words for what a rule did to a network."""

from scaling.source import ScaledNetwork


def explanation(network: ScaledNetwork) -> str:
    """Which rule made `network`, and with which numbers."""
    used = network.constants
    words = _family(network) if network.rule == "family" else _compound(network)
    stem = "scaled with the width" if used["stem_and_head_scaled"] else "as they were"
    cap = f"images {network.train_size} / {network.eval_size}, cap {used['max_image_size']}"
    return "; ".join([*words, f"stem and head {stem}", cap])


def _family(network: ScaledNetwork) -> list[str]:
    used = network.constants
    came, target, extra = used["counts_as"], used["target"], used["extra_base_layers"]
    if came == target:
        return [f"{target}: it counts as {came} already"]
    words = [
        f"{came} to {target}: layers {used['depth']['from']} to {used['depth']['to']} "
        f"and channels {used['width']['from']} to {used['width']['to']} times the base's"
    ]
    if extra:
        words.append(f"{abs(extra)} base layer {'more' if extra > 0 else 'less'} at the back")
    if used["new_last_stage"]:
        words.append("a new last stage of stride 1")
    return words


def _compound(network: ScaledNetwork) -> list[str]:
    used = network.constants
    words = [
        f"layers x {used['depth']:.3g}, channels x {used['width']:.3g}, "
        f"image side x {used['image_size']:.3g}"
    ]
    if "phi" in used:
        rates = ", ".join(f"{name} {used[name]:g}" for name in ("alpha", "beta", "gamma"))
        words.insert(0, f"phi {used['phi']:.3f} ({rates})")
    if "ahead" in used:
        steps = ", ".join(used["ahead"]["steps"])
        words.append(f"{steps} already at phi {used['ahead']['phi']:.3f}")
    return words

"""The winner next to the reference network, stage by stage."""

from dataclasses import dataclass, replace

from nas.report.frame.table import Cell, Column, Row, Table
from nas.report.search_page.plain_names import BLOCKS
from nas.report.search_page.search_run import SearchRun
from search_space.architecture import Architecture, BlockType, Stage
from search_space.cost import Cost, stage_costs

MAX_BLOCKS = 12  # drawn for one stage
_STAGE_FIELDS = ("block", "depth", "width", "kernel_size", "expand_ratio", "stride", "se_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Stem, a stage or the head of a network.

    Attributes:
        name: Such as "stage 3".
        stage: The stage; None for stem and head.
        width: Output channels.
        params: Parameters.
        macs: Multiply-adds of one forward pass for one image.
        params_share: Share of the network's parameters, in [0, 1].
        macs_share: Share of the network's multiply-adds, in [0, 1].
        changed: Fields of the stage that differ from the other network's.
    """

    name: str
    stage: Stage | None
    width: int
    params: int
    macs: int
    params_share: float
    macs_share: float
    changed: frozenset[str] = frozenset()

    @property
    def is_fused(self) -> bool:
        """Whether its blocks are Fused-MBConv."""
        return self.stage is not None and self.stage.block is BlockType.FUSED_MBCONV

    @property
    def num_drawn(self) -> int:
        """Blocks that are drawn."""
        return min(self.stage.depth, MAX_BLOCKS) if self.stage else 1

    @property
    def words(self) -> tuple[tuple[str, bool], ...]:
        """What describes it, in words, and whether each differs from the other network's."""
        stage = self.stage
        if stage is None:
            return ((f"{self.width} wide", False),)
        words = (
            ("block", BLOCKS[stage.block]),
            ("depth", f"depth {stage.depth}"),
            ("width", f"{stage.width} wide"),
            ("kernel_size", f"kernel {stage.kernel_size}"),
            ("expand_ratio", f"expansion {stage.expand_ratio}"),
        )
        return tuple((word, field in self.changed) for field, word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two networks, part by part.

    Attributes:
        pairs: Stem, stages and head: (winner's part, reference's part); None where one network
            has no such stage.
        image_size: Side of the images that the multiply-adds are of, pixels.
    """

    pairs: tuple[tuple[Part | None, Part | None], ...]
    image_size: int


def compared(run: SearchRun) -> Comparison | None:
    """Return the winner next to the reference network; None without a winner."""
    best = run.winner
    if best is None:
        return None
    costs = best.outcome.costs
    size = costs.timing.image_size
    found = run.space.architecture(best.candidate.choices)
    ours = _parts(found, size, costs.num_classes)
    theirs = _parts(run.space.reference(), size, costs.num_classes)
    names = list(dict.fromkeys([*list(ours)[:-1], *list(theirs)[:-1], "head"]))
    pairs = tuple(_marked(ours.get(name), theirs.get(name)) for name in names)
    return Comparison(pairs=pairs, image_size=size)


def stages_table(found: Comparison) -> Table:
    """Return the parts of both networks as a table."""
    heads = (
        *(("block", ""), ("blocks", ""), ("width", ""), ("kernel", ""), ("expansion", "")),
        *(("stride", ""), ("squeeze-excite", "")),
        *(("parameters", ""), ("share of parameters", "%"), ("share of multiply-adds", "%")),
    )
    rows = []
    for pair in found.pairs:
        for network, part in zip(("winner", "reference"), pair, strict=True):
            if part is not None:
                rows.append(Row((part.name, network, *_cells(part))))
    return Table(
        name="stages",
        caption=f"Both networks, stage by stage, at {found.image_size} px",
        columns=(
            *(Column(head="part"), Column(head="network")),
            *(Column(head=head, unit=unit, digits=1 if unit else None) for head, unit in heads),
        ),
        rows=tuple(rows),
    )


def _parts(architecture: Architecture, image_size: int, num_classes: int) -> dict[str, Part]:
    """Return name -> part, from stem to head."""
    costs = stage_costs(architecture, image_size, num_classes)
    total = sum(costs.values(), start=Cost())
    widths = [
        architecture.stem_width,
        *(stage.width for stage in architecture.stages),
        architecture.head_width,
    ]
    stages = [None, *architecture.stages, None]
    names = ["stem", *(f"stage {n}" for n in range(1, len(architecture.stages) + 1)), "head"]
    return {
        name: Part(
            name=name,
            stage=stage,
            width=width,
            params=cost.params,
            macs=cost.macs,
            params_share=cost.params / total.params,
            macs_share=cost.macs / total.macs,
        )
        for name, stage, width, cost in zip(names, stages, widths, costs.values(), strict=True)
    }


def _marked(ours: Part | None, theirs: Part | None) -> tuple[Part | None, Part | None]:
    """Return the pair with the fields marked in which the winner's stage differs."""
    if ours is None or ours.stage is None:
        return ours, theirs
    other = theirs.stage if theirs else None
    changed = frozenset(
        field
        for field in _STAGE_FIELDS
        if other is None or getattr(ours.stage, field) != getattr(other, field)
    )
    return replace(ours, changed=changed), theirs


def _cells(part: Part) -> tuple[Cell, ...]:
    stage = part.stage
    fields: tuple[Cell, ...] = (None, None, part.width, None, None, None, None)
    if stage is not None:
        fields = (
            *(BLOCKS[stage.block], stage.depth, stage.width, stage.kernel_size),
            *(stage.expand_ratio, stage.stride, stage.se_ratio),
        )
    return (*fields, part.params, 100 * part.params_share, 100 * part.macs_share)

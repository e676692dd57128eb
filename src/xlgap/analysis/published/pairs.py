"""Published pairs of intermediate mixtures: multilingual against English-only, and against none.

BLOOMZ and mT0 (arXiv 2211.01786) were trained on a mixture of prompted tasks before they were
prompted on tasks held out of it. Three of their checkpoints exist twice, trained on the multilingual
mixture (xP3) and on its English part alone (P3), and a third time with translated prompts (xP3mt): the
only published pairs of target-language and English intermediate training. They are mixtures of many
tasks, the target task is never fine-tuned, and three checkpoints of two families carry no correlation
with size. A fourth English-only model, T0-11B, has no multilingual sibling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xlgap.analysis.rows import AVERAGE, GapRow
from xlgap.records import Score

METRIC = "accuracy_median_of_5_prompts"
"""Of five prompts the median, not the best: a maximum over prompts is chosen on the scored rows."""

PROMPTS = "prompts_en"
"""English prompts for all: those that the English-only models were trained on."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two checkpoints of one pretrained model whose difference is a gap.

    Attributes:
        gap: name of the difference.
        a, b: start of the regime's words for the two sides.
        strip_a, strip_b: endings of the model names beyond the one they share.
        swap: (from, to) of the shared name between side a and side b.
    """

    gap: str
    a: str
    b: str
    strip_a: str = ""
    strip_b: str = ""
    swap: tuple[str, str] = ("", "")


XP3, XP3MT, P3 = "xP3 multitask", "xP3mt multitask", "P3 multitask"
PAIRINGS = (
    Pairing(
        gap="inter",
        a=f"multilingual_intermediate:{XP3}",
        b=f"english_intermediate:{P3}",
        strip_b="-p3",
    ),
    Pairing(
        gap="inter",
        a=f"multilingual_intermediate:{XP3MT}",
        b=f"english_intermediate:{P3}",
        strip_a="-mt",
        strip_b="-p3",
    ),
    Pairing(
        gap="joint",
        a=f"multilingual_intermediate:{XP3}",
        b="prompting:0-shot",
        swap=("BLOOMZ", "BLOOM"),
    ),
)
"""xP3 and xP3mt minus P3, and xP3 minus no intermediate training; all prompted without examples."""


def mixture_rows(scores: Iterable[Score]) -> list[GapRow]:
    """The differences of :data:`PAIRINGS`, by language and averaged over languages but English.

    Only accuracies over English prompts, the median of five. The average of a task is over the
    languages that both sides have.
    """
    sides: dict[tuple[str, str], dict[tuple[str, str, str], Score]] = defaultdict(dict)
    for s in scores:
        regime, _, prompts = s.arm.rpartition(":")
        if s.metric == METRIC and prompts == PROMPTS and s.language != AVERAGE:
            sides[regime, s.model][s.task, s.language, s.split] = s
    rows: list[GapRow] = []
    for pairing in PAIRINGS:
        for (regime, model), of_a in sorted(sides.items()):
            if regime.removesuffix("+prompting:0-shot") != pairing.a:
                continue
            of_b = sides.get(_other(pairing, model), {})
            rows += _differences(pairing, of_a, of_b)
    return rows


def _other(pairing: Pairing, model: str) -> tuple[str, str]:
    """Regime and model of side b."""
    old, new = pairing.swap
    shared = model.removesuffix(pairing.strip_a) if pairing.strip_a else model
    swapped = shared.replace(old, new, 1) if old else shared
    held = "+prompting:0-shot" if "intermediate" in pairing.b else ""
    return f"{pairing.b}{held}", f"{swapped}{pairing.strip_b}"


def _differences(
    pairing: Pairing,
    a: Mapping[tuple[str, str, str], Score],
    b: Mapping[tuple[str, str, str], Score],
) -> list[GapRow]:
    """Rows by language, and their mean for each task, of two checkpoints."""
    by_task: dict[tuple[str, str], list[GapRow]] = defaultdict(list)
    for key in sorted(a.keys() & b.keys()):
        task, language, split = key
        if language != "en":
            by_task[task, split].append(_row(pairing, a[key], b[key]))
    rows: list[GapRow] = []
    for members in by_task.values():
        mean = sum(r.value for r in members) / len(members)
        over = f"mean over {', '.join(r.language for r in members)}"
        rows += [
            *members,
            replace(members[0], language=AVERAGE, value=mean, note=f"{members[0].note}; {over}"),
        ]
    return rows


def _row(pairing: Pairing, a: Score, b: Score) -> GapRow:
    return GapRow(
        source="published",
        model=a.model,
        family=a.family,
        params_total=a.params_total,
        params_nonembedding=a.params_nonembedding,
        gap=pairing.gap,
        task=a.task,
        language=a.language,
        metric=METRIC,
        seed=None,
        value=a.value - b.value,
        arm_a=pairing.a,
        arm_b=pairing.b,
        note=f"{a.model} minus {b.model}, both from {a.publication}; split {a.split}",
    )


def of_pairing(rows: Sequence[GapRow], *, gap: str, arm: str) -> dict[str, dict[str, GapRow]]:
    """Averages over languages of one pairing, by model and task."""
    found: dict[str, dict[str, GapRow]] = defaultdict(dict)
    for row in rows:
        if (row.gap, row.arm_a, row.language) == (gap, arm, AVERAGE):
            found[row.model][row.task] = row
    return dict(found)

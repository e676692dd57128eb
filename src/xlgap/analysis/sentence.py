"""The sentence that answers a question: its first supported level or slope in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from xlgap.analysis.counted import counted
from xlgap.analysis.rows import ENGLISH, MATCHED, Answer, plain_gap
from xlgap.analysis.words import (
    BENT,
    LEFT_OUT,
    ONE_SEED,
    REFITS,
    intervals,
    plain,
    sentences,
    short_number,
    signed,
    sizes,
    trend,
)
from xlgap.records import Source

LOSSES = ("distance", "distance_partial", "transfer", "transfer_ceiling")
"""Gaps that are losses of zero-shot transfer: where they fall with size, it becomes more robust."""


def why_not(answer: Answer) -> str:
    """The first reason why an answer is not supported; where models are too few, which are left out."""
    first, *rest = sentences([answer.reason]) or [""]
    gone = next((s for s in rest if s.startswith(LEFT_OUT)), "")
    return f"{first} {gone}" if gone and first.startswith("Not sufficient: ") else first


def headline(answers: Sequence[Answer], question: int, source: Source) -> str:
    """One sentence for a question from one source: its first supported level or slope in words.

    A level is followed by its change with size, a change by that within model families where it is
    another one, by that of other families with the same quantity, and by its level. Question 2 begins
    with what it says of robustness and ends with what English intermediate training changes of it.
    Where the sentence is not of the
    quantity that the source's first answer is about, this one is named with what is missing. Without
    a supported answer the sentence is the reason.
    """
    of_source = [a for a in answers if (a.question, a.source) == (question, source)]
    if not of_source:
        return "No answer."
    asked = of_source[0]
    first = leading(of_source)
    if first is None:
        return _unsupported(of_source)
    level = _statistic(first) == "level"
    said = _level(first, of_source) if level else f"{_change(first)}{_within(first, of_source)}"
    if not level:
        said += _other_families(first, of_source)
    if _plain(first) in LOSSES:
        said = f"{_robust(first)}: {said}{_steeper(first, of_source)}{_gap_itself(first, of_source)}"
    elif not level:
        said += _itself(first, of_source)
    start = "by proxy, " if first.proxy else ""
    if _of_gap(asked) != _of_gap(first):
        start = f"{_not_estimated(asked)}; {start}"
    said = f"{start}{said}"
    return f"{said[0].upper()}{said[1:]}."


def leading(answers: Iterable[Answer]) -> Answer | None:
    """The answer that the headline is of: the first supported level or slope."""
    return next((a for a in answers if a.supported and _statistic(a) is not None), None)


def _unsupported(answers: Sequence[Answer]) -> str:
    """Why none of ``answers`` is supported: the reason of the first, and of one with an estimate."""
    asked = answers[0]
    other = next((a for a in answers if a.estimate is not None and _statistic(a) is not None), None)
    if asked.estimate is not None or other is None or _of_gap(other) == _of_gap(asked):
        return why_not(asked)
    said = f"{_not_estimated(asked)}; {_quantity(other)} is not supported: {_lacking(other)}"
    return f"{said[0].upper()}{said[1:]}."


def _plain(answer: Answer) -> str:
    """The gap that an answer is of."""
    return plain_gap("".join(answer.key.split(".")[1:2]))


def _robust(loss: Answer) -> str:
    """What the change of a loss with size says of transfer."""
    more = {"grows": "less", "falls": "more"}.get(trend(loss))
    if more is None:
        return "that zero-shot transfer becomes more or less robust with size is not shown"
    return f"zero-shot transfer becomes {more} robust with size"


def _steeper(loss: Answer, answers: Sequence[Answer]) -> str:
    """How the same loss differs with and without English intermediate training, with size.

    At equal compute, too, where that says something else. Only of measured slopes over distance.
    """
    gap = {"distance_partial": "robustness_partial", "distance": "robustness"}.get(_plain(loss))
    by_key = {a.key: a for a in answers if a.source == "measured"}
    plain = by_key.get(f"2.{gap}.slope.params_total")
    if plain is None:
        return ""
    start = "; what English intermediate training adds to the loss (intermediate_en minus direct_en)"
    if not plain.supported:
        return f"{start} could not be estimated ({_lacking(plain)})"
    matched = ((by_key.get(f"2.{gap}{m}.slope.params_total"), f"{at} ") for m, at in MATCHED.items())
    told = [(plain, ""), *((a, at) for a, at in matched if a and trend(a) not in {"–", trend(plain)})]
    return start + "".join(
        f"{'; ' if at else ' changes by '}{at}{signed(a.estimate, 2)} {intervals(a, 2)}"
        f"{'' if at else f' for {_step(a)}'}, {_says(a)}"
        for a, at in told
    )


def unlike_transfer(loss: Answer, answers: Iterable[Answer]) -> Answer | None:
    """The change of the transfer gap where it says something else than a loss over distance."""
    found = (a for a in answers if a.source == loss.source and not of_refit(a))
    gap = next(
        (a for a in found if _plain(a) == "transfer" and a.key.endswith(".slope.params_total")), None
    )
    over_distance = _plain(loss) in {"distance", "distance_partial"}
    told = gap is not None and over_distance and trend(gap) not in {"–", trend(loss)}
    return gap if told else None


def _gap_itself(loss: Answer, answers: Sequence[Answer]) -> str:
    gap = unlike_transfer(loss, answers)
    if gap is None:
        return ""
    return (
        "; the transfer gap (English minus the mean of the others) changes by "
        f"{signed(gap.estimate, 2)} {intervals(gap, 2)} for {_step(gap)}, {_says(gap)}"
    )


def _step(slope: Answer) -> str:
    """``ten times the total parameters``."""
    return slope.quantity.rpartition(" for ")[2]


def _other_families(slope: Answer, answers: Sequence[Answer]) -> str:
    """The same slope of the other model families that the source has it of, named third in the key."""
    question, gap, family, *statistic = slope.key.split(".")
    if not statistic or f" of {family}" not in slope.quantity:
        return ""
    said = []
    for other in answers:
        key = other.key.split(".")
        if other is slope or not other.supported or [*key[:2], *key[3:]] != [question, gap, *statistic]:
            continue
        _, of_it, more = _quantity(other).partition(f"of {key[2]}")
        change = f"{signed(other.estimate, 2)} {intervals(other, 2)}"
        said.append(f"; {of_it}{more}: {change}, {_says(other)}")
    return "".join(said)


def _itself(slope: Answer, answers: Sequence[Answer]) -> str:
    """The level beside its change with size, where there is one."""
    level = next(
        (a for a in answers if _statistic(a) == "level" and _of_gap(a) == _of_gap(slope)), None
    )
    if level is None or not level.supported:
        return ""
    return (
        f"; {signed(level.estimate, 2)} {intervals(level, 2)} on the mean of "
        f"{counted(level.n, 'model')}, {_against_0(level)}"
    )


def _not_estimated(answer: Answer) -> str:
    return f"{_quantity(answer)} could not be estimated ({_lacking(answer)})"


def _quantity(answer: Answer) -> str:
    """What was asked for, without unit and statistic."""
    return answer.quantity.removeprefix("change of ").rpartition(", ")[0] or answer.quantity


def _lacking(answer: Answer) -> str:
    """The first reason, to stand inside a sentence."""
    said = why_not(answer).rstrip(".").replace(f". {LEFT_OUT}", f"; {LEFT_OUT.lower()}")
    for start in ("Not sufficient: ", "Not measured: ", "Not run: "):
        said = said.removeprefix(start)
    return f"{said[0].lower()}{said[1:]}"


def beyond(answers: Sequence[Answer], question: int, source: Source) -> tuple[str, ...]:
    """Two sentences on the measured range and on a size beyond it; none where neither was asked for.

    They are of the first quantity that was told at both, see :mod:`xlgap.analysis.answers.trend`.
    """
    of_source = [a for a in answers if (a.question, a.source) == (question, source)]
    for end in (a for a in of_source if a.key.endswith(".at.measured")):
        stem = end.key.removesuffix("measured")
        farther = next((a for a in of_source if a.key.startswith(stem) and a is not end), None)
        if farther is not None:
            return _measured_end(end), _farther(farther, end)
    return ()


def _measured_end(answer: Answer) -> str:
    proxy = "by proxy, " if answer.proxy else ""
    what = answer.quantity.partition(" at the largest measured size")[0]
    if not answer.supported:
        why = sentences([answer.reason])[0].removeprefix("Not sufficient: ")
        return f"In the measured range {proxy}{what} cannot be told by a line: {why}"
    low, high = map(short_number, answer.size_range or (0, 0))
    return (
        f"Measured from {low} to {high} parameters: {proxy}{what} is {_value(answer)} at the largest "
        f"size, on the {_drawn(answer)} through all sizes."
    )


def _drawn(answer: Answer) -> str:
    """``line``, or the curve that fits better, of an answer within the measured sizes."""
    curve = re.search(r"the curve \(([^,]+),", answer.method)
    return f"curve ({curve[1]})" if curve else "line"


def _farther(answer: Answer, measured: Answer) -> str:
    if not answer.supported:
        return sentences([answer.reason])[0]
    size = re.search(r" at (\S+) parameters, ", answer.quantity)
    at = f"{size[1] if size else 'larger'} parameters"
    if not answer.quantity.endswith(", extrapolated"):
        return (
            f"{at} lie within the measured sizes, so that nothing is extrapolated: {_value(answer)} "
            f"there, on the {_drawn(answer)} through all sizes."
        )
    factor = float(answer.key.partition(".at.")[2]) / (measured.size_range or (1, 1))[1]
    beyond = f"a factor of {plain(factor)}" if factor >= 1.1 else f"{100 * (factor - 1):.1g}%"
    return (
        f"Extrapolated to {at}, {beyond} beyond the largest model: {_value(answer)}, if the curve that "
        "fits best goes on."
    )


def _value(answer: Answer) -> str:
    unit = answer.quantity.removesuffix(", extrapolated").rpartition(", ")[2]
    return f"{signed(answer.estimate)} {unit} {intervals(answer)}"


def _statistic(answer: Answer) -> str | None:
    """``level`` or ``slope``, of answers that can lead: none of English alone, and no refit."""
    parts = answer.key.split(".")
    if of_refit(answer) or any(plain_gap(part).endswith(ENGLISH) for part in parts):
        return None
    return next((s for s in ("level", "slope") if s in parts), None)


def of_refit(answer: Answer) -> bool:
    """Whether an answer is beside another one, with a part of the study left out."""
    return not set(REFITS).isdisjoint(answer.key.split("."))


def _of_gap(answer: Answer) -> str:
    """The key without its statistic: question, gap and scale."""
    return re.split(r"\.(?:level|slope)", answer.key)[0]


def _change(answer: Answer) -> str:
    what, _, unit = answer.quantity.removeprefix("change of ").rpartition(", ")
    points, _, step = unit.partition(" for ")
    return (
        f"{what}: {signed(answer.estimate, 2)} {points} "
        f"{intervals(answer, 2)} for {step} "
        f"({counted(answer.n, 'model')}, {_one_seed(answer)}{sizes(answer)}); {_says(answer)}"
    )


def _one_seed(answer: Answer) -> str:
    """What stands before the sizes of models that were trained once each."""
    return "one seed each, " if ONE_SEED in answer.reason else ""


def _within(slope: Answer, answers: Sequence[Answer]) -> str:
    """What the models of single families say, where the slope over all of them does not say it."""
    key = slope.key.replace(".slope.", ".within_families.")
    found = next((a for a in answers if a.key == key and a.supported), None)
    if found is None or found.estimate is None or slope.estimate is None:
        return ""
    inside, over_all = trend(found), trend(slope)
    turned = over_all != "not shown" and found.estimate * slope.estimate < 0
    if inside == over_all or not (turned or inside != "not shown"):
        return ""
    return (
        "; within model families, which share data and design, "
        f"{signed(found.estimate, 2)} {intervals(found, 2)}: {_says(found)}"
    )


def _level(answer: Answer, answers: Sequence[Answer]) -> str:
    what, _, points = answer.quantity.rpartition(", ")
    slope = next(
        (a for a in answers if _statistic(a) == "slope" and _of_gap(a) == _of_gap(answer)), None
    )
    moves = "its change with size cannot be told"
    if slope is not None and not slope.supported:
        moves = f"{moves} ({_lacking(slope)})"
    if slope is not None and slope.supported:
        moves = f"{signed(slope.estimate, 2)} {intervals(slope, 2)} for {_step(slope)}: {_says(slope)}"
    return (
        f"{what}: {signed(answer.estimate, 2)} {points} "
        f"{intervals(answer, 2)} on the mean of "
        f"{counted(answer.n, 'model')} ({_one_seed(answer)}{sizes(answer)}), "
        f"{_against_0(answer)}; {moves}"
    )


def _against_0(answer: Answer) -> str:
    found = trend(answer)
    return found if found in {"above 0", "below 0"} else "neither above nor below 0 is shown"


def _says(answer: Answer) -> str:
    found = trend(answer)
    shown = found in {"grows", "falls"}
    if BENT in answer.reason:
        start = f"it {found} with size," if shown else "the change with size is"
        none = "" if shown else " and does not say that there is none"
        return f"{start} not along a straight line on log size, so that this is only its mean{none}"
    return f"it {found} with size" if shown else "no change with size is shown"

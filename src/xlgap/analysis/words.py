"""Answers in sentences, numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from xlgap.analysis.rows import Answer
from xlgap.records import Source

QUESTIONS = {
    1: "Does intermediate training in the target language beat English intermediate training, and how "
    "does that move with size?",
    2: "Does transfer to distant languages become more robust with size?",
    3: "Does training on target-language data beat English intermediate training, and how does that "
    "move with size?",
    4: "Is the intermediate task retained after training on the target task?",
    5: "Do several intermediate tasks add up?",
}


def number(value: float | None, decimals: int = 1) -> str:
    """A number with a fixed count of decimals and a real minus; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def signed(value: float | None, decimals: int = 1) -> str:
    """Like :func:`number`, with a plus before what is above 0."""
    text = number(value, decimals)
    positive = value is not None and float(f"{value:.{decimals}f}") > 0
    return f"+{text}" if positive else text


def interval_words(low: float | None, high: float | None, decimals: int = 1) -> str:
    """``[low, high]``, or a dash."""
    if low is None or high is None:
        return "–"
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def sizes(answer: Answer) -> str:
    """The range of sizes in words of three digits."""
    if answer.size_range is None:
        return "–"
    return " to ".join(short_number(s) for s in answer.size_range)


def short_number(value: float) -> str:
    """A parameter count in words of three digits.

    >>> short_number(277453056)
    '277M'
    """
    for factor, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= factor * 0.9995:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def sentences(texts: Iterable[str]) -> list[str]:
    """The different sentences of ``texts``, in order.

    >>> sentences(["One. Two.", "Two. Three."])
    ['One.', 'Two.', 'Three.']
    """
    parts = (p.strip() for text in texts for p in re.split(r"(?<=\.)\s+(?=[A-Z])", text))
    return list(dict.fromkeys(p for p in parts if p))


def headline(answers: Sequence[Answer], question: int, source: Source) -> str:
    """One sentence for a question from one source: its first supported answer in words."""
    of_source = [a for a in answers if (a.question, a.source) == (question, source)]
    first = next((a for a in of_source if a.supported and ".slope." in a.key), None)
    if first is None:
        return sentences([of_source[0].reason])[0] if of_source else "No answer."
    trend = "no change with size is shown"
    if first.ci_low is not None and first.ci_low > 0:
        trend = "it grows with size"
    elif first.ci_high is not None and first.ci_high < 0:
        trend = "it falls with size"
    what, _, unit = first.quantity.removeprefix("change of ").rpartition(", ")
    points, _, step = unit.partition(" for ")
    start = f"by proxy, {what}" if first.proxy else what
    return (
        f"{start[0].upper()}{start[1:]}: {signed(first.estimate, 2)} {points} "
        f"{interval_words(first.ci_low, first.ci_high, 2)} for {step} "
        f"({first.n} models, {sizes(first)}); {trend}."
    )

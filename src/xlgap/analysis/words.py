"""Numbers, intervals, sizes and trends as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xlgap.analysis.rows import Answer, Estimate

QUESTIONS = {
    1: "Does intermediate training in the target language beat English intermediate training, and how "
    "does that move with size?",
    2: "Does transfer to distant languages become more robust with size?",
    3: "Does training on target-language data beat English intermediate training, and how does that "
    "move with size?",
    4: "Is the intermediate task retained after training on the target task?",
    5: "Do several intermediate tasks add up?",
}


LEVEL = 0.05
"""Exact p of a correlation up to which a change is told."""


REFITS = ("sensitivity", "without_collapsed")
"""In the keys of answers that leave out a part of the study."""


def capital(text: str) -> str:
    """The text with a capital letter in front.

    >>> capital("transfer gap, G_inter")
    'Transfer gap, G_inter'
    """
    return text[:1].upper() + text[1:]


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


def with_error(point: Estimate) -> str:
    """The value of one model with its interval; without one, with its standard error, if known."""
    if point.ci_low is not None:
        return f"{signed(point.value)} {interval_words(point.ci_low, point.ci_high)}"
    return plus_minus(point.value, point.stderr)


def plus_minus(value: float | None, stderr: float | None) -> str:
    """A difference and its standard error, which may not be known.

    >>> plus_minus(1.24, 0.5), plus_minus(1.24, None)
    ('+1.2 ± 0.5', '+1.2')
    """
    return signed(value) + ("" if stderr is None else f" ± {number(stderr)}")


def intervals(answer: Answer, decimals: int = 1) -> str:
    """The interval of an answer, and where it is wider that of the known errors alone."""
    text = interval_words(answer.ci_low, answer.ci_high, decimals)
    if answer.known_low is None:
        return text
    wider = interval_words(answer.known_low, answer.known_high, decimals)
    return f"{text} (known errors alone: {wider})"


def sizes(answer: Answer) -> str:
    """The range of sizes in words of three digits, and its factor."""
    if answer.size_range is None:
        return "–"
    low, high = answer.size_range
    span = size_span(low, high)
    factor = f", ×{plain(high / low)}" if " to " in span else ""
    bare = f" parameter{'s' * (high != 1)}" if high < 1000 else ""
    return f"{span}{bare}{factor}"


def size_span(low: float, high: float) -> str:
    """Smallest and largest parameter count; one number where three digits hardly tell them apart.

    >>> size_span(5e6, 5.5e8), size_span(100_000_000, 100_300_000), size_span(7e9, 7e9)
    ('5M to 550M', 'about 100M', '7B')
    """
    if low == high:
        return short_number(low)
    if high < 1.005 * low or short_number(low) == short_number(high):
        return f"about {short_number(low)}"
    return f"{short_number(low)} to {short_number(high)}"


def plain(value: float) -> str:
    """A number in three digits, never with an exponent.

    >>> plain(9.4776), plain(2000.4), plain(0.0000371)
    ('9.48', '2,000', '0.0000371')
    """
    import numpy as np

    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text: str = np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return text


def probability(p: float) -> str:
    """A p value with its sign in three decimals.

    >>> probability(0.0382), probability(0.0002)
    ('p = 0.038', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.0005 else f"p = {p:.3f}"


def short_number(value: float) -> str:
    """A parameter count in words of three digits.

    >>> short_number(277453056), short_number(1e15)
    ('277M', '1,000T')
    """
    for factor, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= factor * 0.9995:
            return f"{plain(value / factor)}{letter}"
    return f"{value:.3g}"


def sentences(texts: Iterable[str]) -> list[str]:
    """The different sentences of ``texts``, in order.

    >>> sentences(["One. Two.", "Two. Three."])
    ['One.', 'Two.', 'Three.']
    """
    parts = (p.strip() for text in texts for p in re.split(r"(?<=\.)\s+(?=[A-Z])", text))
    return list(dict.fromkeys(p for p in parts if p))


def trend(answer: Answer) -> str:
    """What an interval says of a change with size; a dash where the data cannot carry one.

    ``not shown`` is not ``no change``: the interval holds 0, and other values. Where the known errors
    of the models allow more, that interval must leave out 0, too; of a correlation the exact p must be
    at most :data:`LEVEL`. Of a level, which is no change, it says on which side of 0 it lies; of a gap
    that seeds would show it says nothing.
    """
    parts = answer.key.split(".")
    if not answer.supported or answer.widest is None or "seeds" in parts:
        return "–"
    low, high = answer.widest
    if answer.p is not None and answer.p > LEVEL:
        return "not shown"
    above, below = ("above 0", "below 0") if {"level", "at"} & set(parts) else ("grows", "falls")
    return above if low > 0 else below if high < 0 else "not shown"


LEFT_OUT = "Left out: "
"""Begins the sentence of a reason that names the models that an estimate is without."""

BENT = "Not a straight line on log size: "
"""Begins the sentence of a reason where a curve fits better than the line behind a slope."""

ONE_SEED = "One seed: "
"""Begins the sentence of a reason that says so of all models of an estimate."""

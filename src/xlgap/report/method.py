"""How each question is answered, in a paragraph: what is compared, and with what statistics."""

from __future__ import annotations

from collections.abc import Sequence

from xlgap.analysis.rows import Answer
from xlgap.records import Source

COMPARED = {
    1: "G_inter is the score after intermediate training in the target language minus the score after "
    "English intermediate training on the same tasks; both then train on the English target data and "
    "are scored in that language.",
    2: "The loss over distance is the slope of English minus zero-shot score over a language’s "
    "distance from English, the transfer gap English minus the mean of the other languages, both on "
    "parallel test sets; robustness compares the loss with and without English intermediate training.",
    3: "G_direct is the score after training on the language’s own target data minus the zero-shot "
    "score after English intermediate training. It is a mixture of two parts: G_native, in-language "
    "minus zero-shot, less what English intermediate training adds.",
    4: "Retention is the score on the intermediate task after training on the target task minus the "
    "score before it; pairs whose two tasks share training data are left out.",
    5: "Joint, sequential and best single intermediate training are each compared with none, and with "
    "each other, in the same model; the best single task is chosen on English dev data, and arms of "
    "the same steps or tokens stand beside the plain ones.",
}


def method(answers: Sequence[Answer], question: int) -> str:
    """The paragraph of one question.

    Args:
        answers: to this question, of both sources.
        question: 1-5.
    """
    parts = [COMPARED[question]]
    for source in ("measured", "published"):
        said = _statistics([a for a in answers if a.source == source and a.supported], source)
        parts += [said] if said else []
    return " ".join(parts)


def _statistics(supported: Sequence[Answer], source: Source) -> str:
    """How the first supported answer of a source was estimated, and from what."""
    if not supported:
        return ""
    first = supported[0]
    proxy = " of a proxy" if first.proxy else ""
    said = first.method.rstrip(".")
    return f"{source.capitalize()}{proxy}: {said}; n = {first.n}."

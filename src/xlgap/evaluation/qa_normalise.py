"""SQuAD v1.1 answer comparison: the English normaliser, exact match, token F1.

XQuAD and TyDiQA use it in every language, as the official XTREME script does. Source: Rajpurkar et al.
2016 (arXiv 1606.05250), ``evaluate-v1.1.py``.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Lower-case ``text``; drop ASCII punctuation, English articles and extra white space.

    >>> normalise("The  Eiffel Tower!")
    'eiffel tower'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals one of the gold answers after normalising, else 0.0."""
    return float(normalise(prediction) in map(normalise, answers))


def best_f1(prediction: str, answers: Sequence[str]) -> float:
    """The highest token F1 of the prediction with one of the gold answers, 0-1."""
    return max(_f1(normalise(prediction), normalise(answer)) for answer in answers)


def _f1(prediction: str, answer: str) -> float:
    words, gold = prediction.split(), answer.split()
    same = (Counter(words) & Counter(gold)).total()
    return 2 * same / (len(words) + len(gold)) if same else 0.0

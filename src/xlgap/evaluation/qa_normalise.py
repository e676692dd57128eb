"""How answers are compared: three normalisers, exact match, word F1.

*SQuAD's* English normaliser (Rajpurkar et al. 2016, arXiv 1606.05250, ``evaluate-v1.1.py``; with
unanswerable questions Rajpurkar et al. 2018, arXiv 1806.03822, ``evaluate-v2.0.py``). XQuAD and TyDiQA
use it in every language, as the official XTREME script does.

*MLQA's*, one for each of its seven languages (Lewis et al. 2020, arXiv 1910.07475,
``mlqa_evaluation_v1.py``), as published: the Arabic rule takes the article out of the middle of words
too, and the Vietnamese list holds classifiers and copula.

The *language-aware* one, which generalises MLQA's to every language and mends it, see
:func:`normalise_aware`.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from xlgap.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_ENGLISH = re.compile(r"\b(a|an|the)\b")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NONE = re.compile(r"(?!)")  # matches nowhere

_MLQA_ARTICLES: Mapping[str, re.Pattern[str]] = {
    "ar": re.compile(r"\sال^|ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": _ENGLISH,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": _NONE,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": _NONE,
}
_AWARE_ARTICLES: Mapping[str, re.Pattern[str]] = {
    **_MLQA_ARTICLES,
    "ar": re.compile(r"\bال(?=\w\w)"),
    "vi": _NONE,
    "el": re.compile(
        r"\b(ο|η|το|οι|τα|του|της|των|τον|τη|την|τους|τις|ένας|έναν|μια|μία|ένα|ενός|μιας)\b"
    ),
    "ro": re.compile(r"\b(un|o|unui|unei)\b"),
}
_DOTTED_I = frozenset({"az", "tr"})

_HAN_OF_MLQA = re.compile("[\u4e00-\u9fa5]")
# Scripts without spaces between words: Han, kana, Thai, Lao, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff]"
)


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Lower-case ``text``; drop ASCII punctuation, English articles and extra white space.

    >>> normalise("The  Eiffel Tower!")
    'eiffel tower'
    """
    return " ".join(_ENGLISH.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())


@lru_cache(maxsize=65536)
def normalise_mlqa(text: str, language: str) -> str:
    """MLQA's normaliser: lower case, no punctuation, no articles of the language.

    Punctuation is Unicode's (P*) and ASCII's. In Chinese every character U+4E00 to U+9FA5 is a word of
    its own.

    Raises:
        ConfigError: MLQA has no rule for the language.
    """
    if language not in _MLQA_ARTICLES:
        raise ConfigError(
            f"MLQA's normaliser has no rule for language '{language}'; it has: "
            f"{', '.join(_MLQA_ARTICLES)}. Declare 'f1_aware' for other languages."
        )
    bare = text.lower().translate(_punctuation())
    bare = _MLQA_ARTICLES[language].sub(" ", bare)
    if language == "zh":
        bare = _HAN_OF_MLQA.sub(lambda found: f" {found[0]} ", bare)
    return " ".join(bare.split())


@lru_cache(maxsize=65536)
def normalise_aware(text: str, language: str) -> str:
    """The language-aware normaliser: MLQA's steps for every language, its defects mended.

    1. NFKC, so that full-width digits and other compatibility forms equal the plain ones (answers of
       systems whose sub-words are NFKC would be wrong by their bytes alone); format characters
       (direction marks, joiners, soft hyphens) go.
    2. Lower case; in Turkish and Azerbaijani ``I`` is ``ı`` and ``İ`` is ``i``.
    3. Unicode punctuation (P*) and ASCII punctuation go.
    4. Articles of the language go: MLQA's lists; Arabic ``ال`` only where a word of two more letters
       begins with it, since MLQA's pattern also cuts it out of the middle of words; no Vietnamese
       words, since MLQA's ("of", "is", classifiers, a plural) are no articles; Greek and the separate
       ones of Romanian. Other languages have none, or none that is a word of its own.
    5. Each character of a script without spaces between words (Han, kana, Thai, Lao, Myanmar, Khmer),
       with the combining marks that stand on it, is a word of its own, in whatever language: a Thai
       answer is one word to SQuAD's rule, so that its F1 is exact match.

    >>> normalise_aware("２０年の後", "ja")
    '20 年 の 後'
    """
    bare = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    if language in _DOTTED_I:
        bare = bare.replace("İ", "i").replace("I", "ı")
    bare = bare.lower().translate(_punctuation())
    bare = _AWARE_ARTICLES.get(language, _NONE).sub(" ", bare)
    return " ".join("".join(_set_apart(bare)).split())


def _set_apart(text: str) -> Iterator[str]:
    """The characters of ``text``, those of unspaced scripts between spaces."""
    apart = False
    for character in text:
        if apart and unicodedata.category(character).startswith("M"):
            yield character
        elif _UNSPACED.match(character):
            yield f" {character}"
            apart = True
        else:
            yield f" {character}" if apart else character
            apart = False


@lru_cache(maxsize=1)
def _punctuation() -> dict[int, None]:
    """What ``str.translate`` drops: Unicode categories P* and ASCII punctuation."""
    unicode = (i for i in range(sys.maxunicode) if unicodedata.category(chr(i)).startswith("P"))
    return dict.fromkeys([*unicode, *map(ord, string.punctuation)])


def exact_matches(
    predictions: Sequence[str],
    answers: Sequence[Sequence[str]],
    normal: Callable[[str], str] = normalise,
) -> NDArray[np.float64]:
    """1 where a prediction equals a gold answer beside it after normalising, else 0; [items]."""
    plain = {text: normal(text) for text in _texts(predictions, answers)}
    pairs = zip(predictions, answers, strict=True)
    return np.array([plain[p] in [plain[a] for a in some] for p, some in pairs], dtype=np.float64)


def best_f1s(
    predictions: Sequence[str],
    answers: Sequence[Sequence[str]],
    normal: Callable[[str], str] = normalise,
    *,
    empty: bool = False,
) -> NDArray[np.float64]:
    """The highest word F1 of each prediction with one of the gold answers beside it, 0-1; [items].

    In the official scripts' order of operations, so that the last digit is theirs too.

    Args:
        predictions: of a system.
        answers: gold answers, one at least for each prediction.
        normal: the normaliser.
        empty: whether two answers of which nothing is left are equal, as in SQuAD v2.0; in the scripts
            of SQuAD v1.1 and MLQA their F1 is 0, though they are an exact match.
    """
    if not predictions:
        return np.zeros(0)
    number = {text: n for n, text in enumerate(_texts(predictions, answers))}
    words = _occurrences([Counter(normal(text).split()) for text in number])
    total = np.asarray(words.sum(axis=1)).ravel()
    counts = [len(some) for some in answers]
    given_A = np.repeat([number[text] for text in predictions], counts)
    gold_A = np.array([number[answer] for some in answers for answer in some])
    same_A = np.asarray(words[given_A].multiply(words[gold_A]).sum(axis=1)).ravel()
    f1_A, shared = np.zeros(len(same_A)), same_A > 0
    precision, recall = (same_A[shared] / total[texts[shared]] for texts in (given_A, gold_A))
    f1_A[shared] = 2 * precision * recall / (precision + recall)
    if empty:
        f1_A[(total[given_A] == 0) & (total[gold_A] == 0)] = 1.0
    return np.maximum.reduceat(f1_A, np.cumsum([0, *counts[:-1]]))


def _texts(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> dict[str, None]:
    """Each text once: chance meets a text with many others."""
    return dict.fromkeys([*predictions, *(answer for some in answers for answer in some)])


def _occurrences(texts: Sequence[Counter[str]]) -> csr_array:
    """[texts, words], 1 where a text has a word for the n-th time: of two texts, what both have."""
    column: dict[tuple[str, int], int] = {}
    found = [
        [column.setdefault((word, n), len(column)) for word in text for n in range(text[word])]
        for text in texts
    ]
    starts = np.cumsum([0, *map(len, found)])
    columns = np.array([c for row in found for c in row], dtype=np.int64)
    ones = np.ones(len(columns))
    return csr_array((ones, columns, starts), shape=(len(texts), max(len(column), 1)))


def answers_or_none(answers: Sequence[str]) -> list[str]:
    """The gold answers of which normalising leaves something, or ``[""]``: SQuAD v2.0's rule.

    A question without an answer is answered rightly by the empty text alone.
    """
    return [answer for answer in answers if normalise(answer)] or [""]

"""UD-POS: part-of-speech tags of Universal Dependencies, 38 languages.

UD v2.5 (v2.7 for lt, pl, ro, uk, wo), all treebanks of a language together, as XTREME-R prepares them.
Not parallel: every language has texts of its own. Seven languages may have no training file in a
release (de, es, hi, it, pl, pt, ru): four sentences in five of their dev file train then, the fifth is
dev. kk, th, tl and yo have no dev file, so no arm can train on them.

The hub has the 33 languages of XTREME v1 and lacks lt, pl, ro, uk and wo. Its dump keeps the words of a
multiword token and leaves its fused form out, where the official preparation, and so a release, has the
fused form with one tag: tokens differ in languages with such tokens (ar, de, es, fr, he, it, pt, tr and
others), and scores on them do not compare.

The official metric is chunk F1 (runs of equal tags merge); token accuracy stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.tasks._readers.declared import UPOS
from xlgap.tasks._readers.hub import named
from xlgap.tasks._readers.text import tagged_sentences
from xlgap.tasks.base import HubDataset, Recipe, ReleaseFile, Row, Tag, Task

_DEV_ONLY = ("de", "es", "hi", "it", "pl", "pt", "ru")
_WITH_TRAIN = (
    *("af", "ar", "bg", "el", "en", "et", "eu", "fa", "fi", "fr", "he", "hu", "id", "ja", "ko", "lt"),
    *("mr", "nl", "ro", "ta", "te", "tr", "uk", "ur", "vi", "wo", "zh"),
)
_TEST_ONLY = ("kk", "th", "tl", "yo")
_DEV_SHARE = 5  # one sentence of a dev file in five stays dev where the rest trains


def read(text: str) -> Iterator[Row]:
    """Rows of ``form<TAB>UPOS`` lines."""
    return tagged_sentences(text, UPOS)


def read_dev_as_train(text: str) -> Iterator[Row]:
    """The sentences of a dev file that train."""
    return (row for row in read(text) if int(row["id"]) % _DEV_SHARE)


def read_dev_rest(text: str) -> Iterator[Row]:
    """The sentences of a dev file that stay dev."""
    return (row for row in read(text) if not int(row["id"]) % _DEV_SHARE)


_UNWRITTEN = str.maketrans("", "", "\u200c ")


def _hub_row(row: Mapping[str, Any]) -> Row:
    """A sentence with words as the official preparation writes them: no U+200C, no inner space.

    A word that has nothing else is none.
    """
    number = str(row["row_number"])
    words = [word.translate(_UNWRITTEN) for word in row["tokens"]]
    empty = {at for at, word in enumerate(words) if not word}
    tags = [named(UPOS, tag) for at, tag in enumerate(row["pos_tags"]) if at not in empty]
    return {"id": number, "group": number, "tokens": [word for word in words if word], "tags": tags}


_HUB_NAMES = {
    **{"af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek"},
    **{"en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian"},
    **{"fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian"},
    **{"id": "Indonesian", "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "ko": "Korean"},
    **{"mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian", "ta": "Tamil"},
    **{"te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu"},
    **{"vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese"},
}  # the 33 languages of XTREME v1; lt, pl, ro, uk, wo are not on the hub in this form

_TRAIN = "xtreme_r/udpos/train-{language}.tsv"
_DEV = "xtreme_r/udpos/dev-{language}.tsv"

TASK = Task(
    name="udpos",
    kind=Tag(tags=UPOS, bio=False),
    role="target",
    family="structured",
    train_languages=tuple(sorted((*_WITH_TRAIN, *_DEV_ONLY))),
    eval_languages=tuple(sorted((*_WITH_TRAIN, *_DEV_ONLY, *_TEST_ONLY))),
    parallel=False,
    metrics=("f1", "token_accuracy"),
    contains=("ud_english",),
    recipe=Recipe(learning_rate=2e-5, epochs=10, batch_rows=32, max_length=128),
    licence="by treebank: CC BY-SA, CC BY-NC-SA, GPL and others; the English merge is CC BY-NC-SA",
    noncommercial=True,
    citation="Zeman et al. 2019 and 2020 (Universal Dependencies 2.5 and 2.7)",
    release={
        "train": (
            ReleaseFile(path=_TRAIN, read=read, languages=_WITH_TRAIN),
            ReleaseFile(path=_TRAIN, read=read, languages=_DEV_ONLY, needs=(_TRAIN,)),
            ReleaseFile(path=_DEV, read=read_dev_as_train, languages=_DEV_ONLY, needs=(_DEV,)),
            ReleaseFile(path=_TRAIN, read=read, languages=_DEV_ONLY),  # names the file that is missing
        ),
        "dev": (
            ReleaseFile(path=_DEV, read=read, languages=_WITH_TRAIN),
            ReleaseFile(path=_DEV, read=read, languages=_DEV_ONLY, needs=(_TRAIN,)),
            ReleaseFile(path=_DEV, read=read_dev_rest, languages=_DEV_ONLY),
        ),
        "test": (ReleaseFile(path="xtreme_r/udpos/test-{language}.tsv", read=read),),
    },
    hub=HubDataset(
        repo="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="udpos.{language}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        row=_hub_row,
        names=_HUB_NAMES,
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "tokens": ["Two", "old", "boats", "slept", "."],
            "tags": ["NUM", "ADJ", "NOUN", "VERB", "PUNCT"],
        },
        {
            "language": "de",
            "id": "2",
            "group": "2",
            "tokens": ["Sie", "kam", ",", "weil", "und", "obwohl", "es", "regnete"],
            "tags": ["PRON", "VERB", "PUNCT", "SCONJ", "CCONJ", "SCONJ", "PRON", "VERB"],
        },
        {
            "language": "tr",
            "id": "3",
            "group": "3",
            "tokens": ["Ali", "Yılmaz", "geldi"],
            "tags": ["PROPN", "PROPN", "VERB"],
        },
    ),
)

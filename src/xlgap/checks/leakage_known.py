"""Documented exceptions of the leakage gate: leaks that released data have, and that are let pass.

Each names a pair of data sets, why they are used all the same, which test texts are let pass up to
which similarity (``leakage_known.txt``), and how many items of each test language. Another text, more
items, or a training text that is more like the test text are a leak again; an exception that covers
nothing in the files that it was measured on (their digests stand in the same file) is stale, an error.
Texts and numbers are those of ``benchmarks/leakage.py audit`` over the release files; pairs of which
more than one test item in twenty is known have no exception (``docs/leakage.md`` names them).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from xlgap.checks.leakage import Leak, Place
from xlgap.formats import digest
from xlgap.near import normal


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """An exception.

    Attributes:
        train, split, train_languages: the training sets.
        test: the task whose test items they hold.
        rows: how many test items at most, by the language that they are found in.
        reason: why the study goes on.
        sources: where both may come from.
        texts: by digest of a test text, see :func:`text_digest`, the greatest similarity that is let
            pass, see :func:`percent`; any text when ``None``.
    """

    train: str
    train_languages: tuple[str, ...]
    test: str
    rows: Mapping[str, int]
    reason: str
    sources: tuple[str, ...] = ("release", "hub")
    split: str = "train"
    texts: Mapping[str, int] | None = None

    def __str__(self) -> str:
        """``wikiann/train (en) <-> wikiann (en)``."""
        return (
            f"{self.train}/{self.split} ({', '.join(self.train_languages)}) <-> {self.test} "
            f"({', '.join(self.rows)})"
        )

    def train_sets(self) -> Iterator[Place]:
        """The training sets."""
        return (Place(self.train, self.split, code) for code in self.train_languages)

    def test_sets(self) -> Iterator[Place]:
        """The test sets."""
        return (Place(self.test, "test", code) for code in self.rows)

    def covers(self, leak: Leak) -> bool:
        """Whether the leak is one of those that this lets pass."""
        return (
            (leak.train.task, leak.train.split, leak.test.task) == (self.train, self.split, self.test)
            and leak.train.language in self.train_languages
            and leak.test.language in self.rows
            and (
                self.texts is None
                or percent(leak.similarity) <= self.texts.get(text_digest(leak.test_text), -1)
            )
        )

    def allows(self, items: Mapping[str, int]) -> bool:
        """Whether so many test items of each language are no more than this lets pass."""
        return all(count <= self.rows[code] for code, count in items.items())


def text_digest(text: str) -> str:
    """What a text is listed by."""
    return digest(normal(text), 8)


def percent(similarity: float) -> int:
    """A similarity in whole percents, rounded down: 100 for equal texts alone."""
    return int(100 * similarity)


def _lines(sign: str) -> dict[str, list[str]]:
    text = (resources.files("xlgap.checks") / "leakage_known.txt").read_text(encoding="utf8")
    parts = (line[1:].partition(": ") for line in text.splitlines() if line[0] == sign)
    return {name: words.split() for name, _, words in parts}


def listed(texts: Mapping[str, Mapping[str, int]], measured: Mapping[Place, str]) -> str:
    """What ``leakage_known.txt`` holds.

    Args:
        texts: by ``squad/train mlqa``, training set and test set, what :class:`Known` calls texts.
        measured: digests of the files of each set.
    """
    of: dict[str, list[str]] = {}
    for place, files in sorted(measured.items()):
        of.setdefault(f"{place.task}/{place.split}", []).append(f"{place.language}:{files}")
    lines = [f"={name}: {' '.join(words)}\n" for name, words in of.items()]
    for name, greatest in sorted(texts.items()):
        words = [f"{text}:{most}" if most < 100 else text for text, most in sorted(greatest.items())]
        lines.append(f"+{name}: {' '.join(words)}\n")
    return "".join(lines)


def _pairs(words: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition(":") for word in words)}


def _place(name: str) -> Place:
    task, split, language = name.split("/")
    return Place(task, split, language)


_TEXTS = {
    name: {text: int(most or 100) for text, most in _pairs(words).items()}
    for name, words in _lines("+").items()
}
MEASURED: Mapping[Place, str] = {
    _place(f"{name}/{language}"): files
    for name, words in _lines("=").items()
    for language, files in _pairs(words).items()
}
"""Digests of the files that the exceptions were measured on, see :func:`files_digest`."""


def files_digest(origin: Mapping[str, Any]) -> str | None:
    """Of a set's origin, as its manifest has it, a digest of the files; ``None`` where it has none."""
    files = origin.get("files")
    return digest([file["sha256"] for file in files], 8) if files else None


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _counts(text: str) -> dict[str, int]:
    """``"en 2 ko 153"`` as a mapping."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _known(train: str, codes: str, test: str, rows: str, reason: str, *, split: str = "train") -> Known:
    """An exception for the texts that the file lists for a training and a test set."""
    return Known(
        train=train,
        split=split,
        train_languages=_codes(codes),
        test=test,
        rows=_counts(rows),
        texts=_TEXTS[f"{train}/{split} {test}"],
        reason=reason,
    )


KNOWN: tuple[Known, ...] = (
    _known(
        "anli_plus",
        "en",
        "tydiqa",
        "en 1",
        "An ANLI context and a TyDiQA passage are versions of one Wikipedia paragraph.",
    ),
    _known(
        "anli_plus",
        "en",
        "xnli",
        "en 6",
        "MultiNLI, a part of ANLI+, has two premises of XNLI's test set.",
    ),
    _known(
        "exams",
        "bg hu it tr vi",
        "exams",
        "bg 15 hu 10 it 1 tr 4 vi 34",
        "EXAMS repeats questions between its splits with a few words changed.",
        split="dev",
    ),
    _known(
        "exams",
        "bg hu it pt tr",
        "exams",
        "bg 20 hu 9 it 6 pt 5 tr 3",
        "EXAMS repeats questions between its splits with a few words changed.",
    ),
    _known(
        "lareqa",
        "en",
        "mlqa",
        "en 1",
        "Both took a paragraph of one Wikipedia article.",
    ),
    _known(
        "mnli",
        "id",
        "wikiann",
        "id 2",
        "IndoNLI and WikiANN both took sentences of the Indonesian Wikipedia.",
        split="dev",
    ),
    _known(
        "mnli",
        "es fr ur",
        "xnli",
        "es 1 fr 3 ur 9",
        "MultiNLI has two premises of XNLI's test set, and XNLI's dev set has some.",
        split="dev",
    ),
    _known(
        "mnli",
        "id",
        "wikiann",
        "id 2",
        "IndoNLI and WikiANN both took sentences of the Indonesian Wikipedia.",
    ),
    _known(
        "mnli",
        "ar en es fr hi th ur vi",
        "xnli",
        "ar 1 en 6 es 3 fr 1 hi 1 th 1 ur 27 vi 1",
        "MultiNLI has two premises of XNLI's test set, and XNLI's dev set has some.",
    ),
    _known(
        "pawsx",
        "de en es fr ja ko",
        "pawsx",
        "de 1 en 2 es 1 fr 2 ja 5 ko 1",
        "PAWS-Wiki took pairs for its splits from the same Wikipedia sentences.",
        split="dev",
    ),
    _known(
        "pawsx",
        "de en es fr ja ko zh",
        "pawsx",
        "de 9 en 9 es 7 fr 10 ja 3 ko 7 zh 6",
        "PAWS-Wiki took pairs for its splits from the same Wikipedia sentences.",
    ),
    _known(
        "squad",
        "en",
        "mlqa",
        "en 1",
        "Both took a paragraph of one Wikipedia article.",
    ),
    _known(
        "squad2",
        "en",
        "mlqa",
        "en 1",
        "Both took a paragraph of one Wikipedia article.",
    ),
    _known(
        "tydiqa",
        "en",
        "mlqa",
        "en 2",
        "Both took paragraphs of the same Wikipedia articles.",
    ),
    _known(
        "tydiqa",
        "en ko sw",
        "tydiqa",
        "en 1 ko 1 sw 5",
        "Passages of one Wikipedia article, in two of its versions.",
    ),
    _known(
        "ud_english",
        "en",
        "udpos",
        "en 2",
        "English EWT repeats formulas, and is one of the merged treebanks.",
        split="dev",
    ),
    _known(
        "ud_english",
        "en",
        "udpos",
        "en 1",
        "English EWT repeats formulas, and is one of the merged treebanks.",
    ),
    _known(
        "udpos",
        "bg de en es eu fi fr hu id it ko nl pt ro uk",
        "udpos",
        "bg 3 de 1 en 4 es 4 eu 2 fi 45 fr 5 hu 1 id 2 it 9 ko 32 nl 5 pt 3 ro 4 uk 1",
        "Treebanks of one language repeat sentences of news and formulas of talk and letters.",
        split="dev",
    ),
    _known(
        "udpos",
        "fr zh",
        "wikiann",
        "fr 1 zh 1",
        "Treebanks and WikiANN both took sentences of Wikipedia, some of one template.",
        split="dev",
    ),
    _known(
        "udpos",
        "en",
        "tatoeba",
        "et 1 hi 1 ka 1 kk 1 sw 1 th 1 ur 1 vi 1",
        "One English sentence of a treebank is Tatoeba's, too.",
    ),
    _known(
        "udpos",
        "bg de en es eu fi id it ko nl pt ro ru tr uk ur vi zh",
        "udpos",
        "bg 7 de 2 en 3 es 8 eu 9 fi 15 id 4 it 16 ko 153 nl 2 pt 3 ro 6 ru 1 tr 1 uk 1 ur 1 "
        "vi 2 zh 17",
        "Treebanks of one language repeat sentences of news and formulas of talk and letters.",
    ),
    _known(
        "udpos",
        "es eu id ko nl ru zh",
        "wikiann",
        "es 3 eu 1 id 5 ko 2 nl 1 ru 17 zh 6",
        "Treebanks and WikiANN both took sentences of Wikipedia, some of one template.",
    ),
    _known(
        "wikiann",
        "af ar az bg bn de el en es et eu fa fi fr he hi hu id it ja ka kk ko lt ml mr ms nl "
        "pl pt ro ru sw ta te tl tr uk ur vi zh",
        "wikiann",
        "af 8 ar 115 az 27 bg 32 bn 4 de 2 el 37 en 8 es 11 et 56 eu 198 fa 28 fi 5 fr 3 he "
        "1 hi 4 hu 32 id 10 it 7 ja 4 ka 21 kk 1 ko 10 lt 23 ml 9 mr 23 ms 4 nl 7 pl 15 pt "
        "12 ro 49 ru 49 sw 1 ta 13 te 6 tl 3 tr 20 uk 216 ur 8 vi 7 zh 4",
        "WikiANN repeats sentences between its splits, and has many of one template.",
        split="dev",
    ),
    _known(
        "wikiann",
        "ru",
        "udpos",
        "ru 2",
        "Treebanks and WikiANN both took sentences of Wikipedia, some of one template.",
    ),
    _known(
        "wikiann",
        "af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja ka ko lt ml mr ms my "
        "nl pa pl pt qu ro ru sw te tl tr ur vi zh",
        "wikiann",
        "af 35 ar 173 az 3 bg 164 bn 15 de 42 el 161 en 70 es 77 et 144 eu 7 fa 108 fi 44 fr "
        "49 gu 1 he 14 hi 16 hu 129 id 69 it 69 ja 14 ka 157 ko 84 lt 111 ml 31 mr 11 ms 40 "
        "my 1 nl 89 pa 1 pl 58 pt 112 ro 186 ru 130 sw 29 te 15 tl 17 tr 154 uk 2 ur 22 vi "
        "58 yo 1 zh 17",
        "WikiANN repeats sentences between its splits, and has many of one template.",
    ),
)

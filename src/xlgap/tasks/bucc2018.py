"""BUCC 2018: find the pairs of translations among two lists of sentences, 4 languages against English.

A task of XTREME v1. Its dev set is the shared task's sample, its test set the shared task's training
set. Pairs are mined by their margin, and the margin from which on they count is tuned on the dev
pairs of the same language (:mod:`xlgap.evaluation.mine`). As with Tatoeba, published models were
tuned on SQuAD first, and an arm without any fine-tuning must stand beside it.

There is no hub source: ``google/xtreme`` has as ``bucc18`` the gold pairs alone, without the sentences
that have no translation, and mining among pairs is another and far easier task.
"""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.errors import DataError
from xlgap.tasks._readers.text import columns, lines
from xlgap.tasks.base import Mine, Recipe, ReleaseFile, Row, Split, Task

LANGUAGES = ("de", "fr", "ru", "zh")


def _read(foreign: str, english: str, gold: str) -> Iterator[Row]:
    """Two files of ``id<TAB>sentence`` and one of ``foreign id<TAB>English id``.

    A pair is a group (pairs that share an English sentence are one); a sentence without translation is
    a group of its own.

    Raises:
        DataError: another number of columns, an id twice, an empty sentence, no gold pair at all, a
            pair that names a sentence that is not there, or a foreign sentence in two pairs.
    """
    sides = {"foreign": _sentences(foreign, ""), "english": _sentences(english, "file 2, ")}
    matches = _pairs(gold, sides["foreign"], sides["english"])
    groups: dict[str, str] = {}
    for ours, theirs in matches.items():
        groups[ours] = groups.setdefault(theirs, ours)
    for number, name in enumerate(sides["english"], 1):
        if name in sides["foreign"]:
            raise DataError(
                f"file 2, line {number}: id {name!r} stands on the foreign side, too; "
                "ids must tell the sides apart: fetch the files again."
            )
    for side, sentences in sides.items():
        for name, text in sentences.items():
            yield {
                "id": name,
                "group": groups.get(name, name),
                "side": side,
                "text": text,
                "match": matches.get(name, ""),
            }


def _sentences(text: str, place: str) -> dict[str, str]:
    """Sentences by id, in the order of the file; ``place`` begins an error."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines(text), 1):
        name, sentence = _columns(line, number, ("id", "sentence"), place)
        if not name.strip() or not sentence.strip():
            raise DataError(
                f"{place}line {number}: empty {'sentence' if name.strip() else 'id'}; "
                "fetch the file again."
            )
        if name in found:
            raise DataError(
                f"{place}line {number}: id {name!r} stands there again; ids must be "
                "unique: fetch the file again."
            )
        found[name] = sentence
    return found


def _pairs(gold: str, foreign: dict[str, str], english: dict[str, str]) -> dict[str, str]:
    """English ids by foreign id; a line that stands twice is one pair, as in the official sets."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines(gold), 1):
        ours, theirs = _columns(line, number, ("foreign id", "English id"), "file 3, ")
        for name, side, sentences in ((ours, "foreign", foreign), (theirs, "English", english)):
            if name not in sentences:
                raise DataError(
                    f"file 3, line {number}: expected the id of one of {len(sentences)} "
                    f"{side} sentences, got {name!r}; the files are of two releases: fetch them again."
                )
        if found.setdefault(ours, theirs) != theirs:
            raise DataError(
                f"file 3, line {number}: {ours!r} is in a pair with {found[ours]!r} already, "
                f"got {theirs!r}; a foreign sentence may be in one: fetch the file again."
            )
    if not found:
        raise DataError(
            "file 3, line 1: expected at least one pair, got an empty file; pairs may have "
            "been stripped: fetch the shared task's own file."
        )
    return found


def _columns(line: str, number: int, names: tuple[str, str], place: str) -> list[str]:
    try:
        return columns(line, number, names)
    except DataError as error:
        raise DataError(f"{place}{error}") from error


def _files(split: Split) -> tuple[ReleaseFile, ...]:
    start = f"xtreme_v1/bucc2018/{{language}}-en.{split}."
    return (
        ReleaseFile(
            path=start + "{language}",
            aligned=(f"{start}en", f"{start}gold"),
            read=_read,
            languages=LANGUAGES,
        ),
    )


TASK = Task(
    name="bucc2018",
    kind=Mine(),
    role="target",
    family="retrieval",
    train_languages=(),
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("f1",),
    proxy_train="squad",
    recipe=Recipe(max_length=512),
    licence="of the BUCC shared task, for research; Wikipedia sentences CC BY-SA, News Commentary",
    noncommercial=True,
    citation="Zweigenbaum, Sharoff and Rapp 2018, BUCC; Hu et al. 2020, arXiv 2003.11080",
    release={"dev": _files("dev"), "test": _files("test")},
    sample=(
        {
            "language": "de",
            "id": "de-000000001",
            "group": "de-000000001",
            "side": "foreign",
            "text": "Die Brücke wurde im vorigen Herbst erneuert.",
            "match": "en-000000001",
        },
        {
            "language": "de",
            "id": "de-000000002",
            "group": "de-000000002",
            "side": "foreign",
            "text": "Auf dem Markt gab es heute keine Äpfel.",
            "match": "",
        },
        {
            "language": "de",
            "id": "en-000000001",
            "group": "de-000000001",
            "side": "english",
            "text": "The bridge was renewed last autumn.",
            "match": "",
        },
    ),
)

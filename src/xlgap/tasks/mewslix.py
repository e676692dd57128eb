"""Mewsli-X: find the entity that a mention in the news means, by its description in any language.

Mentions are of Wikinews in 11 languages, 14,624 in the test set. The candidates are 1,003,893
descriptions of Wikidata entities, one each, in the 50 languages of XTREME-R; a mention's own entity is
as a rule described in another language. Trained on mentions and entities of English Wikipedia.

Release files are those that the release's own script ``get-mewsli-x.sh`` leaves, version 20220518_6,
which is not the paper's. A mention whose entity is no candidate, and a candidate in a language that is
not XTREME-R's, stop the preparation: neither can be scored as the benchmark does.

Official protocol: the query is the mention and the sentence around it, both sides cut at 64 sub-words;
the last checkpoint is kept. The loss tells the candidates of one forward pass apart: of 64, four of
them a step. The large XLM-R is trained with 1e-5 and 8 x 4, which a study of large models says under
``tasks``: ``{learning_rate: 0.00001, batch_rows: 32, micro_rows: 8}``. With one right candidate mAP@20
is MRR@20.

There is no hub source: no copy of the release on the hub was found that is read without a loading
script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.errors import DataError
from xlgap.languages import CODES
from xlgap.tasks._readers.text import json_lines, shown
from xlgap.tasks.base import Rank, Recipe, ReleaseFile, Row, Task

LANGUAGES = ("ar", "de", "en", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk")
_FOLDER = "xtreme_r/mewslix"
_CANDIDATES = f"{_FOLDER}/candidate_set_entities.jsonl"
_BRACES = re.compile(r"\{(.*?)\}")
_AGAIN = "make the files again with the release's get-mewsli-x.sh."


def _entities(text: str) -> Iterator[Row]:
    """Candidates; rows have the language of the description.

    Raises:
        DataError: a description in another language than the benchmark's 50.
    """
    keys = ("entity_id", "description", "sentence_spans", "description_language")
    for number, entity in json_lines(text, keys):
        name = _text(entity, "entity_id", number)
        language = _text(entity, "description_language", number)
        if language not in CODES:
            raise DataError(
                f"line {number}: entity {shown(name)} is described in {language!r}, which is "
                f"none of the {len(CODES)} languages of XTREME-R as expected; {_AGAIN}"
            )
        yield {
            "language": language,
            "id": name,
            "group": name,
            "candidate": _description(entity, number),
        }


def _pairs(text: str) -> Iterator[Row]:
    """Mentions with their entities, for training."""
    for number, pair in json_lines(text, ("contextual_mention", "entity")):
        found = pair["contextual_mention"]
        mention, context = _get(found, "mention", number), _get(found, "context", number)
        name = _text(pair["entity"], "entity_id", number)
        yield _row(context, mention, name, _description(pair["entity"], number), number)


def _mentions(text: str, entities: str) -> Iterator[Row]:
    """Mentions of all languages; a line is an article, with one mention or several.

    Raises:
        DataError: the entity of a mention is not among ``entities``, the candidates.
    """
    wanted = {_text(mention, "entity_id", number) for number, _, mention in _each_mention(text)}
    try:
        known = {row["id"]: row["candidate"] for row in _entities(entities) if row["id"] in wanted}
    except DataError as error:
        raise DataError(f"file 2, {error}") from error
    for number, context, mention in _each_mention(text):
        name = mention["entity_id"]
        if name not in known:
            raise DataError(
                f"line {number}: entity {name!r} of a mention is not among the candidates as expected, "
                f"so that nothing could find it; {_AGAIN}"
            )
        language = _text(context, "language", number)
        yield {"language": language, **_row(context, mention, name, known[name], number)}


def _each_mention(text: str) -> Iterator[tuple[int, Row, Row]]:
    for number, line in json_lines(text, ("context",)):
        mentions = (
            _get(line, "mentions", number, list)
            if "mentions" in line
            else [_get(line, "mention", number)]
        )
        for mention in mentions:
            yield number, line["context"], mention


def _row(context: Row, mention: Row, entity: str, description: str, number: int) -> Row:
    return {
        "id": _text(mention, "example_id", number),
        "group": _text(context, "document_id", number),
        "text": _query(context, mention, number),
        "targets": [entity],
        "candidate": description,
    }


def _query(context: Row, mention: Row, number: int) -> str:
    """The mention, and the sentence that holds it with the mention in braces.

    One that goes over the end of a sentence, which the official reader leaves out, is shown in all the
    sentences that it touches.

    Raises:
        DataError: the article has no text, or the mention is not in it.
    """
    text: str = _get(context, "text", number, str)
    if not text.strip():
        raise DataError(f"line {number}: the article has no text, expected some; {_AGAIN}")
    span = _get(mention, "mention_span", number)
    (begin, end), name = _places(span, text, number), _text(span, "text", number)
    if text[begin:end] != name:
        raise DataError(
            f"line {number}: mention {shown(name)} does not stand at offset {begin} as expected; "
            + _AGAIN
        )
    spans = [_places(s, text, number) for s in _get(context, "sentence_spans", number, list)]
    touched = [(first, last) for first, last in spans if first < end and begin < last]
    first = min([begin, *(a for a, _ in touched)])
    last = max([end, *(b for _, b in touched)])
    left, right = (_BRACES.sub(r"(\1)", part) for part in (text[first:begin], text[end:last]))
    return _one_line(f"{name}: {left} {{ {name} }} {right}")


def _description(entity: Row, number: int) -> str:
    """The sentences of a description, joined; all of it where none are marked."""
    text = _text(entity, "description", number)
    given = _get(entity, "sentence_spans", number, list)
    spans = [_places(span, text, number) for span in given]
    return _one_line(" ".join(text[begin:end] for begin, end in spans) if spans else text)


def _places(span: Any, text: str, number: int) -> tuple[int, int]:
    """Where a span of ``text`` begins and ends."""
    begin, end = (_get(span, key, number, int) for key in ("start", "end"))
    if not 0 <= begin <= end <= len(text):
        raise DataError(
            f"line {number}: expected a span of a text of {len(text)} characters, got one from {begin} "
            f"to {end}; {_AGAIN}"
        )
    return begin, end


def _one_line(text: str) -> str:
    """Line ends to spaces, and two spaces to one, once, as in the official reader."""
    return text.replace("\n", " ").replace("  ", " ").strip()


def _get(value: Any, key: str, number: int, kind: type = object) -> Any:
    """What stands at ``key``, of ``kind``."""
    if not isinstance(value, Mapping) or key not in value:
        raise DataError(f"line {number}: expected the key {key!r}, which is missing; {_AGAIN}")
    if not isinstance(value[key], kind) or isinstance(value[key], bool):
        raise DataError(
            f"line {number}: expected {_KINDS[kind]} as {key!r}, got {shown(value[key])}; {_AGAIN}"
        )
    return value[key]


def _text(value: Any, key: str, number: int) -> str:
    """The same of a text with something in it."""
    found: str = _get(value, key, number, str)
    if not found.strip():
        raise DataError(f"line {number}: expected a non-empty text as {key!r}, got {found!r}; {_AGAIN}")
    return found


_KINDS = {str: "a text", int: "a whole number", list: "a list", object: "something"}


TASK = Task(
    name="mewslix",
    kind=Rank(pool=CODES, query_length=64, pair=False),
    role="target",
    family="retrieval",
    train_languages=("en",),
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("map20",),
    recipe=Recipe(
        learning_rate=2e-5, epochs=2, batch_rows=256, max_length=64, micro_rows=64, select="last"
    ),
    licence="CC BY-SA 3.0 (Wikipedia), CC BY 2.5 (Wikinews)",
    citation="Ruder et al. 2021, arXiv 2104.07412",
    release={
        "train": (ReleaseFile(path=f"{_FOLDER}/wikipedia_pairs-train.jsonl", read=_pairs),),
        "dev": (ReleaseFile(path=f"{_FOLDER}/wikipedia_pairs-dev.jsonl", read=_pairs),),
        "test": (
            ReleaseFile(
                path=f"{_FOLDER}/wikinews_mentions-test.jsonl",
                read=_mentions,
                aligned=(_CANDIDATES,),
                by_language=True,
            ),
        ),
        "candidates": (ReleaseFile(path=_CANDIDATES, read=_entities, by_language=True),),
    },
    sample=(
        {
            "language": "en",
            "id": "m1",
            "group": "d1",
            "text": "Jordan: The level of the { Jordan } has fallen again this summer.",
            "targets": ["E1"],
            "candidate": "Der Jordan ist ein Fluss, der ins Tote Meer mündet.",
        },
        {
            "language": "de",
            "id": "m2",
            "group": "d2",
            "text": "Essen: In { Essen } wurde eine neue Brücke eröffnet.",
            "targets": ["E2"],
            "candidate": "Essen is a city on the river Ruhr.",
        },
        {
            "language": "tr",
            "id": "m3",
            "group": "d3",
            "text": "Van: Deprem { Van } şehrinde hissedildi.",
            "targets": ["E3"],
            "candidate": "Van est une ville au bord d'un lac.",
        },
    ),
)

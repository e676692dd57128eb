"""The pretraining text: no text of a dev or test item in it, and the same on every machine."""

from __future__ import annotations

import re
from collections import Counter

from xlgap.lab import corpus
from xlgap.lab.entities import KINDS, Entity, members, name, split_of
from xlgap.lab.world import World
from xlgap.tasks import get_task

WORLD = World(("en", "de", "zh"))
LINES = list(corpus.lines(WORLD, 6000, 0))


def held_out_names(line: str, code: str) -> set[Entity]:
    """The dev and test entities whose name stands in ``line``, long names first."""
    entities = [e for s in ("train", "dev", "test") for k in KINDS for e in members(s, k)]
    found = set()
    for entity in sorted(entities, key=lambda e: -len(name(e, code))):
        form = name(entity, code)
        pattern = re.escape(form) if code == "zh" else rf"(?<!\w){re.escape(form)}(?!\w)"
        line, times = re.subn(pattern, "#", line)
        if times and split_of(entity) != "train":
            found.add(entity)
    return found


def test_lines_are_deterministic_and_seeds_differ() -> None:
    assert list(corpus.lines(WORLD, 60, 0)) == LINES[:60]
    assert list(corpus.lines(WORLD, 60, 1)) != LINES[:60]


def test_a_languages_lines_do_not_depend_on_the_other_languages() -> None:
    alone = [line for _, line in corpus.lines(World(("de",)), 100, 0)]
    assert alone == [line for code, line in LINES if code == "de"][:100]


def test_languages_take_turns() -> None:
    assert Counter(code for code, _ in LINES) == {"en": 2000, "de": 2000, "zh": 2000}


def said(text: str, line: str, code: str) -> bool:
    """Whether ``line`` holds ``text``: as whole words, or as a whole side where there are no spaces."""
    if code == "zh":
        return text in re.split("[\t\n]", line)
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", line) is not None


def test_no_dev_or_test_text_of_any_target_task_is_in_the_corpus() -> None:
    lines = {c: "\n".join(line for code, line in LINES if code == c) for c in WORLD.languages}
    keys = ("text", "text_b", "english", "context", "question")
    for task in ("lab_nli", "lab_qa", "lab_retrieval", "lab_ner"):
        generate = get_task(task).lab
        assert generate is not None
        for split in ("dev", "test"):
            for row in generate(WORLD, split, 200, 1):
                texts = [row[key] for key in keys if key in row] + [" ".join(row.get("tokens", "#"))]
                for code, text in ((c, t) for c in (row["language"], "en") for t in texts):
                    assert text not in lines[code] or not said(text, lines[code], code)


def test_a_line_holds_at_most_one_held_out_name_and_then_no_amount_of_the_tasks() -> None:
    # the rule from which it follows that no dev or test text can occur, whatever the seeds
    units = re.compile(r"week|day|year|month|hour|minute|meter|gram|liter|day|<|\?")
    for code, line in LINES:
        if code != "en":
            continue
        found = held_out_names(line, "en")
        assert len(found) <= 1, line
        if found:
            assert not units.search(re.sub(r"^[^:]*", "", line)), line


def test_every_name_occurs_so_that_its_pieces_can_be_learned() -> None:
    text = "\n".join(line for code, line in LINES if code == "en")
    entities = [e for s in ("train", "dev", "test") for k in KINDS for e in members(s, k)]
    missing = [name(e, "en") for e in entities if name(e, "en") not in text]
    assert len(missing) < 0.01 * len(entities)


def test_parallel_lines_hold_english_and_count_for_the_other_language() -> None:
    pairs = [line for code, line in LINES if code == "zh" and corpus.PAIR in line]
    mixed = [p for p in pairs if re.search(r"[a-z]{3}", p) and re.search(r"[\u4e00-\u9fff]", p)]
    assert 0.3 * 2000 < len(mixed) < 0.7 * 2000

"""MultiCheckList from templates of our own in the official file's format."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest

from xlgap.analysis.diagnostic import error_rates
from xlgap.errors import DataError
from xlgap.evaluation.metrics import get_metric
from xlgap.languages import get_language
from xlgap.report.error_grids import error_tables
from xlgap.tasks import get_task
from xlgap.tasks._readers.given_names import NAMES
from xlgap.tasks._readers.multichecklist import TESTS, read
from xlgap.tasks.base import DROPPED

COLUMNS = ("Field", "en", "de", "de-placeholders", "de", "de-placeholders", "tr", "th")
COMPARISONS, INTENSIFIERS, PROPERTIES, JOBS, ANIMALS, BUYERS = TESTS


def line(what: str, *cells: str) -> str:
    """A line of the file; a missing Turkish or Thai cell is the English one."""
    found = [*cells, *[""] * 7][:7]
    found[5:] = [cell or found[0] for cell in found[5:]]
    return "\t".join((what, *found))


def block(name: str, *body: str) -> list[str]:
    return [f"Name\t{name}" + "\t" * 6, "Capability\tany" + "\t" * 6, *body, "\t" * 7]


def qa(
    english: str, german: str, answer: str, turkish: str = "", turkish_answer: str = ""
) -> list[str]:
    return [
        line("Question", english, german, "", "", "", turkish),
        line("Answer", answer, answer, "", "", "", turkish_answer),
    ]


LINES = [
    "\t".join(COLUMNS),
    *block(
        COMPARISONS,
        line("Context", "{first_name} beats {first_name1} in being {adj[0]}.",
             "{first_name} schlägt {first_name1}, denn er ist {adj[0]}.", "", "", "",
             "{first_name}, {first_name1}'den {adj[0]}."),
        *qa("Who is least {adj[1]}?", "Wer ist am wenigsten {adj[1]}?", "{first_name1}",
            "Kim {adj[0]}?", "{first_name1}'den"),
        *qa("Who is {adj[0]}?", "Wer ist {adj[0]}?", "{first_name}", "Kim {adj[0]}?"),
        line("adj", "louder, loud", "lauter, laut", "", "", "", "", "ดังกว่า ดัง"),
        line("adj", "calmer, calm", "ruhiger, ruhig"),
    ),
    *block(
        INTENSIFIERS,
        line("Context", "{first_name1} is {s}. {first_name} is {very} {s}.",
             "{first_name1} ist {s}. {first_name} ist {very} {s}.", "", "", "",
             "{first_name1} {s}. {first_name} {very} {s}."),
        *qa("Who is most {s}?", "Wer ist am meisten {s}?", "{first_name}"),
        *qa("Who is a bit {s}?", "Wer ist ein wenig {s}?", "{first_name1}"),
        line("state", "tired", "müde"),
        line("very", "terribly", "furchtbar"),
    ),
    *block(
        PROPERTIES,
        line("Context", "Here is {obj[0]}. {obj[1]} is {p.v1} and {p.v2}.",
             "Hier ist {obj[0]}. {obj[1]} ist {p.v1} und {p.v2}."),
        *[
            part
            for p in ("p1", "p2")
            for part in (
                line("Question", f"What {{p.{p}}} is {{obj[1]}}?", "Welche {p.p1} hat {obj[1]}?",
                     "color", "Welches {p.p1} hat {obj[1]}?", "age"),
                line("Answer", f"{{p.v{p[1]}}}", f"{{p.v{p[1]}}}"),
            )
        ],
        line("obj", "a spoon, the spoon", "ein Löffel, der Löffel"),
        line("obj", "a fork, the fork", "eine Gabel, die Gabel"),
        line("color", "golden", "ein goldener", "spoon", "eine goldene", "a fork, the fork"),
        line("color", "silver", "silbern"),
        line("age", "ancient", "uralt"),
        line("age", "recent", "neu"),
        line("property", "color", "Farbe"),
        line("property", "age", "Alter"),
    ),
    *block(
        JOBS,
        line("Context", "{first_name} is {profession}. {first_name} is {nationality}.",
             "{first_name} ist {profession}. {first_name} ist {nationality}."),
        *qa("What is {first_name}'s job?", "Welchen Beruf hat {first_name}?", "{profession}"),
        *qa("Where is {first_name} from?", "Woher kommt {first_name}?", "{nationality}"),
        line("nationality", "Tongan", "Tongaer"),
        line("profession", "a tailor", "Schneider"),
        line("profession", "a welder", "Schweißer"),
    ),
    *block(
        ANIMALS,
        line("Context", "{first_name} keeps {animal} and {vehicle}.",
             "{first_name} hält {animal} und {vehicle}."),
        line("Context", "{first_name} keeps {vehicle} and {animal}.", "{first_name} hält {vehicle}."),
        *qa("Which animal does {first_name} keep?", "Welches Tier hält {first_name}?", "{animal}"),
        *qa("Which vehicle does {first_name} keep?", "Welches Gefährt hält {first_name}?", "{vehicle}"),
        line("animal", "a goat", "eine Ziege", "{first_name} keeps {animal} and {vehicle}.",
             "die Ziege", "{first_name} sold {animal}. {first_name2} sold {vehicle}."),
        line("vehicle", "a sledge", "einen Schlitten"),
    ),
    *block(
        BUYERS,
        line("Context", "{first_name} sold {animal}. {first_name2} sold {vehicle}.",
             "{first_name} verkaufte {animal}. {first_name2} verkaufte {vehicle}."),
        *qa("Who sold an animal?", "Wer verkaufte ein Tier?", "{first_name}"),
        *qa("Who sold a vehicle?", "Wer verkaufte ein Fahrzeug?", "{first_name2}"),
    )[:-1],
]  # fmt: skip
FILE = "\n".join(LINES) + "\n"
AT = {
    name: n for n, text in enumerate(LINES, 1) for name in TESTS if text.startswith(f"Name\t{name}\t")
}


def rows(language: str, items: int = 6) -> dict[str, dict]:
    return {row["id"]: row for row in read(FILE, language=language, items=items) if DROPPED not in row}


def test_every_answer_stands_at_its_offset_and_no_slot_is_left() -> None:
    for language in ("en", "de", "tr", "th"):
        for row in rows(language).values():
            texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
            assert texts
            for text, start in zip(texts, starts, strict=True):
                assert row["context"].startswith(text, start)
            assert not set("{}") & set(row["context"] + row["question"])


def test_items_are_the_same_in_every_language_and_on_every_run() -> None:
    english, german = rows("en"), rows("de")
    assert list(english) == list(german) == list(rows("de"))
    assert english == rows("en")
    assert len(english) == 6 * 6 * 2
    assert {row["group"].split("-")[0] for row in english.values()} == set(TESTS.values())
    for name, row in english.items():
        if name.startswith(("comparisons", "animal_vehicle_buyers")):  # a name is the answer
            assert row["answers"]["text"] == german[name]["answers"]["text"]
        if name.startswith("job_nationality") and name.endswith("0"):
            assert ("tailor" in row["context"]) == ("Schneider" in german[name]["context"])
    assert len({row["context"] for row in english.values()}) == len(english) / 2


def test_a_smaller_number_of_items_is_a_part_of_a_larger_one() -> None:
    assert rows("de", 3).items() <= rows("de", 6).items()


def test_the_variant_is_taken_that_is_for_the_words_of_the_item() -> None:
    for row in rows("de").values():
        test = row["group"].split("-")[0]
        if test == "properties":
            wrong = "ein goldener" if "Gabel" in row["context"] else "eine goldene"
            assert wrong not in row["context"]
            asked = "Alter" if row["answers"]["text"][0] in {"uralt", "neu"} else "Farbe"
            start = "Welches" if asked == "Alter" else "Welche"
            assert row["question"].startswith(f"{start} {asked} hat d")
        if test == "animal_vehicle":
            assert "eine Ziege" in row["context"]
        if test == "animal_vehicle_buyers":
            assert "die Ziege" in row["context"]


def test_a_context_that_lost_a_slot_gives_way_to_the_one_above() -> None:
    contexts = {row["context"].partition(" ")[2] for row in rows("de").values()}
    assert "hält eine Ziege und einen Schlitten." in contexts
    assert "hält einen Schlitten." not in contexts


def test_sentences_begin_with_a_capital() -> None:
    context = rows("en")["properties-000-0"]["context"]
    assert ". The " in context


def test_an_inflected_name_is_a_right_answer_and_so_is_the_name() -> None:
    file = FILE.replace("Kim {adj[0]}?", "Kim daha az {adj[1]}?", 1)
    row = next(r for r in read(file, language="tr", items=6) if r["id"] == "comparisons-000-0")
    inflected, name = row["answers"]["text"]
    assert inflected == f"{name}'den"


def test_questions_that_are_the_same_in_a_language_are_dropped_there() -> None:
    found = list(read(FILE, language="tr", items=6))
    assert sum(DROPPED in row for row in found) == 12
    assert not any(name.startswith("comparisons") for name in rows("tr"))


def test_names_are_of_the_script_and_none_is_a_part_of_another() -> None:
    assert any(name in rows("th")["comparisons-000-0"]["context"] for name in NAMES["Thai"])
    for script, names in NAMES.items():
        assert len(names) == len(set(names)) == len(NAMES["Latn"])
        assert not any(a in b for a in names for b in names if a != b), script
    for code in get_task("multichecklist").eval_languages:
        assert get_language(code).script in NAMES


def changed(at: int, old: str, new: str) -> str:
    """The file with a text of one line (from 1) replaced."""
    assert old in LINES[at - 1], LINES[at - 1]
    return "\n".join([*LINES[: at - 1], LINES[at - 1].replace(old, new), *LINES[at:]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: expected the columns 'Field', 'en' and one called 'de'"),
        (changed(1, "Field", "Feld"), r"line 1: expected the columns 'Field', 'en'"),
        (changed(4, "\t", " "), r"line 4: expected 8 tab-separated columns \(Field, en, de, .*got 1"),
        (FILE[: FILE.index("Who sold a v") + 3], r"line \d+: expected 8 tab-separated columns"),
        ("\n".join(LINES[: AT[BUYERS] - 1]), r"line 1: expected the tests .*buyers missing"),
        ("\n".join(LINES[: len(LINES) - 1]), r"line 1: expected two questions with answers"),
        (changed(AT[JOBS], JOBS, "Weather"), r"test 'Weather' is not known; known: A is COMP"),
        (changed(2, "Name", "Test"), r"line 2: expected 'Name' before 'Test'"),
        (changed(6, "Answer", "Context"), r"line 6: expected an 'Answer' below each"),
        (changed(5, "Wer ist am wenigsten {adj[1]}?", ""), r"line 5: expected a text in language"),
        (changed(4, "denn er ist {adj[0]}", "toll"), r"line 4: expected the slot 'adj' in"),
        (changed(10, "adj", "adjective").replace("adj\tl", "adjective\tl"), r"has a slot 'adj' and no"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read(text, language="de", items=6))


def test_too_few_words_for_the_items_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"line 1: expected words for 999 different contexts in test 'com"
    ):
        list(read(FILE, language="en", items=999))


def test_error_rates_are_of_each_test() -> None:
    task = get_task("multichecklist")
    metric = get_metric("em", task)
    wrong = {"en": {"comparisons-000-0", "comparisons-003-1", "properties-002-0"}, "de": set()}
    frames = []
    for code, missed in wrong.items():
        gold = list(rows(code, 4).values())
        found = [
            {"id": row["id"], "text": "x" if row["id"] in missed else row["answers"]["text"][0]}
            for row in gold
        ]
        stats = metric.stats(task, gold, found, code)
        of_rows = {"group": [row["group"] for row in gold], "s0": stats[:, 0], "s1": stats[:, 1]}
        whose = {"model": "m", "arm": "a", "language": code, "seed": 1, "metric": "em"}
        frames.append(pd.DataFrame({**whose, **of_rows}))
    rates = error_rates("multichecklist", pd.concat(frames), metric.value)
    table = {(rate.test, rate.language): rate.error_rate for rate in rates}
    assert list(dict.fromkeys(rate.test for rate in rates)) == list(TESTS.values())
    expected = dict.fromkeys(TESTS.values(), 0.0) | {"comparisons": 25.0, "properties": 12.5}
    assert {test: table[test, "en"] for test in expected} == expected
    assert {test: table[test, "de"] for test in expected} == dict.fromkeys(expected, 0.0)
    assert {test: 2 * table[test, "avg"] for test in expected} == expected
    (shown,) = error_tables(rates)
    assert shown.columns == ("Arm", *TESTS.values())
    assert shown.rows == (("m", "a", "12.5", "0.0", "6.2", "0.0", "0.0", "0.0"),)


def test_the_task_reads_one_file_for_each_language() -> None:
    files = get_task("multichecklist").release["test"]
    assert len({file.path for file in files}) == 1
    assert [file.read.keywords["language"] for file in files if isinstance(file.read, partial)] == [
        file.languages[0] for file in files
    ]

"""The overall scores of a study: of models that differ, and on data that are no official test set."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.__main__ import main
from xlgap.analysis.tables import FIELDS, write_rows
from xlgap.config import Params
from xlgap.formats import write_json
from xlgap.records import Score
from xlgap.stages.overall import closing_lines
from xlgap.stages.study import Study
from xlgap.tasks import get_task

TASKS = ("xnli", "xquad")
SIZE = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}


@pytest.fixture
def scored(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Two models on two tasks; XNLI is whole, XQuAD is 60 rows of what stands in for its test files."""
    monkeypatch.chdir(tmp_path)
    made = Study(
        study(
            study={"name": "toy", "source": "release", "seeds": [1]},
            models={"nano": SIZE, "micro": SIZE | {"layers": 3}},
            languages={"evaluation": ["en", "de"], "pretraining": ["en"]},
            tasks={name: {"max_length": 64} for name in TASKS},
            intermediate={name: {"max_length": 64} for name in ("mnli", "squad")},
        )
    )
    monkeypatch.setattr(Study, "here", lambda: made)
    for name in TASKS:
        write_scores(made, name, ("nano", "micro"))
    capped = {"rows": 60, "released_rows": 1190, "origin": {"stands_in": "dev files"}}
    whole = {"rows": 5010, "released_rows": 5010, "origin": {}}
    for name, listed in (("xnli", whole), ("xquad", capped)):
        manifest = {"splits": {"test": {"en": listed, "de": listed}}}
        write_json(layout.prepared(name) / "manifest.json", manifest)
    return made


def write_scores(made: Study, name: str, models: tuple[str, ...]) -> None:
    (arm,) = {c.arm.name for c in made.grid.cells if c.arm.regime.name == "direct_en"}
    rows = [
        Score(
            source="measured", model=model, family="lab", params_total=2, params_nonembedding=1,
            arm=arm, regime="direct_en", train_language="en", task=name, language=code, seed=1,
            metric=metric, value=50.0,
        )
        for model in models for code in ("de", "en") for metric in get_task(name).metrics
    ]  # fmt: skip
    write_rows(layout.scores(name), [asdict(row) for row in rows], FIELDS)


def test_the_closing_line_says_that_scores_are_not_the_benchmark_s(scored: Study) -> None:
    (line, *_) = closing_lines(scored)
    said = (
        "official metrics on part of the rows and stand-in files (corrected): nano 50.0 (50.0), micro"
    )
    assert said in line
    assert line.count("missing:") == 1
    assert line.endswith("; languages and rows: xlgap scores")


def test_the_closing_lines_have_both_editions_and_every_group(scored: Study) -> None:
    lines = list(closing_lines(scored))
    first = [line for line in lines if not line.startswith(" ")]
    assert [line.split(" under ")[0] for line in first] == ["XTREME-R", "XTREME"]
    groups = [line for line in lines if line.startswith("  nano by group: ")]
    assert len(groups) == 2
    assert "classification 50.0 (50.0), missing xcopa; structured no score; qa 50.0" in groups[0]
    assert groups[0].endswith("retrieval no score")
    assert "missing pawsx" in groups[1]


def test_the_closing_line_says_of_each_model_what_it_lacks(scored: Study) -> None:
    write_scores(scored, "xquad", ("micro",))
    (line, *_) = closing_lines(scored)
    missing = "xcopa, udpos, wikiann"
    assert (
        f"nano 50.0 (50.0) as the mean of the 1 of 10 tasks present, missing: {missing}, xquad" in line
    )
    assert (
        f"micro 50.0 (50.0) as the mean of the 2 of 10 tasks present, missing: {missing}, mlqa" in line
    )


def test_scores_say_what_they_are_over_in_the_table_in_words_and_in_json(
    scored: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scores", "--edition", "xtreme-r"]) == 0
    out = capsys.readouterr().out
    assert "all 10,020" in out
    assert "120 of 2,380*" in out
    assert "50.00 official metrics on part of the rows and stand-in files, 50.00 corrected" in out
    told = "xquad is scored on dev files in place of the official test files, 120 of 2,380 rows."
    assert told in out
    assert "xnli is scored on" not in out
    assert main(["scores", "--edition", "xtreme-r", "--json"]) == 0
    rows = {(r["model"], r["name"]): r for r in json.loads(capsys.readouterr().out)}
    xquad = rows["nano", "xquad"]
    assert (xquad["rows"], xquad["released_rows"], xquad["stands_in"]) == (120, 2380, "dev files")
    assert rows["nano", "XTREME-R"]["capped"] == rows["nano", "XTREME-R"]["standing_in"] == ["xquad"]

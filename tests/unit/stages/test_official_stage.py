"""A study's predictions out to the official layout and back: the same numbers, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.__main__ import main
from xlgap.analysis.tables import read_scores
from xlgap.config import Params
from xlgap.errors import ConfigError, DataError, ResultError, UnknownNameError
from xlgap.evaluation import official
from xlgap.formats import write_json, write_jsonl
from xlgap.stages.official import export_official, score_predictions
from xlgap.stages.overall import closing_lines, edition_scores, load_measured, measured_editions
from xlgap.stages.score import score
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Classify, Mine, Rank, Retrieve, Row, Span, Tag, Task

TASKS = [task.name for task in official.layout().values()]
LANGUAGES = ("en", "de", "tr")  # XCOPA has the last one alone
MINED = [
    {"id": f"de-{n}", "group": f"de-{n}", "side": "foreign", "text": f"Satz {n}.", "match": match}
    for n, match in enumerate(("en-0", "en-1", "", ""))
] + [
    {"id": f"en-{n}", "group": f"en-{n}", "side": "english", "text": f"Line {n}.", "match": ""}
    for n in range(3)
]


def gold_rows(task: Task) -> list[Row]:
    if isinstance(task.kind, Mine):
        return MINED
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    return [{**row, "id": f"r{n}", "group": f"g{n}"} for n, row in enumerate(rows)]


def predicted(task: Task, rows: list[Row], seed: int) -> list[Row]:
    """Right but for the row whose number is ``seed``."""
    found: list[Row] = []
    for n, row in enumerate(rows):
        right = n != seed
        values: dict[str, Any]
        match task.kind:
            case Classify(labels=labels):
                other = labels[labels.index(row["label"]) - 1]
                values = {"label": row["label"] if right else other}
            case Choose(choices=choices):
                values = {"label": row["label"] if right else (row["label"] + 1) % choices}
            case Tag(tags=tags):
                values = {"tags": row["tags"] if right else [tags[0] for _ in row["tags"]]}
            case Span():
                answer = row["answers"]["text"][0]
                values = {"text": answer if right else f"{answer} und mehr"}
            case Retrieve():
                values = {"match": row["id"] if right else rows[n - 1]["id"]}
            case Mine():
                wrong = "en-2" if row["side"] == "foreign" else ""
                values = {"match": row["match"] if right else wrong}
            case Rank():
                values = {"ranked": [*([] if right else ["nothing"]), *row["targets"]]}
        found.append({"id": row["id"], **values})
    return found


@pytest.fixture
def finished(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Two seeds of predictions on every task of the benchmark, scored; nothing was trained."""
    home = tmp_path / "study"
    (home / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(home)
    monkeypatch.delenv("XLGAP_DATA", raising=False)
    tasks = [get_task(name) for name in TASKS]
    before = {n for t in tasks for n in (t.proxy_train, *t.preliminary) if n}
    params = study(
        study={"name": "toy", "source": "release", "seeds": [1, 2]},
        models={"nano": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}},
        languages={"evaluation": list(LANGUAGES), "pretraining": ["en"]},
        tasks={name: {"max_length": 64} for name in TASKS},
        intermediate={name: {"max_length": 64} for name in before - set(TASKS)},
    )
    made = Study(params)
    size = {"encoder": {"total": 100, "nonembedding": 80}, "digest": "trained", "phases": []}
    for cell in made.grid.cells:
        folder = layout.predictions(cell.task.name, cell.model, cell.arm.name)
        test = {}
        for code in cell.eval_languages(params):
            rows = gold_rows(cell.task)
            write_jsonl(layout.rows(cell.task.name, "test", code), rows)
            test[code] = {"rows": len(rows), "sha256": "of the rows"}
            for seed in (1, 2):
                found = predicted(cell.task, rows, seed)
                write_jsonl(folder / f"seed{seed}" / f"{code}.jsonl", found)
        write_json(folder / "cell.json", {"seeds": [{"seed": k, **size} for k in (1, 2)]})
        manifest = layout.prepared(cell.task.name) / "manifest.json"
        write_json(manifest, {"splits": {"test": test}})
        score(made, cell.task.name, without={"no cell"})  # as for a partial report: nothing tracked
    return made


def test_the_round_trip_gives_the_study_s_own_scores_to_the_last_digit(
    finished: Study, tmp_path: Path
) -> None:
    folders = export_official(finished, tmp_path / "out", model=None, arm=None, seed=None)
    assert folders == [tmp_path / "out" / "nano" / "direct_en" / f"seed{k}" for k in (1, 2)]
    seen = set()
    for seed, folder in zip((1, 2), folders, strict=True):
        found, _ = score_predictions(folder, layout.PREPARED)
        own = {
            (s.task, s.language, s.metric): s.value
            for name in TASKS
            for s in read_scores(layout.scores(name))
            if s.seed == seed
        }
        theirs = {
            (task, language, metric): value
            for task, of_task in found.scores.items()
            for language, values in of_task.items()
            for metric, value in values.items()
        }
        assert theirs == own
        seen |= {task for task, _, _ in theirs}
    assert seen == set(TASKS)


def test_an_export_is_of_the_seed_that_is_asked_for(finished: Study, tmp_path: Path) -> None:
    (folder,) = export_official(finished, tmp_path / "out", model="nano", arm="direct_en", seed=2)
    assert folder == tmp_path / "out"
    assert {place.name for place in folder.iterdir()} == set(official.layout())
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"xnli/test-de.tsv", "panx/test-en.tsv", "mlqa/test-de.json", "xquad/test-en.json"} <= files
    assert (folder / "tatoeba/test-de.tsv").read_text() == "1\n1\n0\n"


def test_an_export_says_what_is_not_of_whole_official_test_files(
    finished: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {
        "rows": 3,
        "released_rows": 3,
        "origin": {"files": [{"path": "xtreme_v1/pawsx/dev-de.tsv"}]},
    }
    tests = {
        "tatoeba": {"de": {"rows": 3, "released_rows": 1000}, "tr": {"rows": 3, "released_rows": 1000}},
        "pawsx": {"de": facts},
        "xnli": {"de": {**facts, "origin": {"files": [{"path": "xtreme_r/xnli/test-de.tsv"}]}}},
    }
    for name, test in tests.items():
        write_json(layout.prepared(name) / "manifest.json", {"splits": {"test": test}})
    monkeypatch.setattr(Study, "here", lambda: finished)
    assert main(["export", "--official", str(tmp_path / "out")]) == 0
    pawsx, tatoeba = capsys.readouterr().err.splitlines()
    assert pawsx.startswith(
        "pawsx: not of whole official test files (de: xtreme_v1/pawsx/dev-de.tsv), "
    )
    assert tatoeba.startswith(
        "tatoeba: not of whole official test files (de: 3 of 1000 rows and 1 more)"
    )
    assert tatoeba.endswith("score it with --data data/prepared.")


def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(
    finished: Study, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("kept")
    chosen: dict[str, Any] = {"model": None, "arm": None, "seed": None}
    with pytest.raises(ConfigError, match=r"--official .*out: it is not empty"):
        export_official(finished, out, **chosen)
    assert [p.name for p in out.iterdir()] == ["mine"]
    last = finished.grid.cells[-1]
    with pytest.raises(ConfigError, match=r"/proc/none: cannot be written \(.*name another"):
        export_official(finished, Path("/proc/none"), **chosen)
    folder = layout.predictions(last.task.name, last.model, last.arm.name)
    code = last.eval_languages(finished.params)[0]
    (folder / "seed2" / f"{code}.jsonl").write_text("{damaged")
    with pytest.raises(DataError, match=r"\.jsonl, line 1"):
        export_official(finished, tmp_path / "half", **chosen)
    (folder / "cell.json").unlink()
    with pytest.raises(ResultError, match=last.key):
        export_official(finished, tmp_path / "half", **chosen)
    assert not (tmp_path / "half").exists()
    with pytest.raises(UnknownNameError, match="unknown model 'nan'; did you mean 'nano'"):
        export_official(finished, tmp_path / "half", **{**chosen, "model": "nan"})


@pytest.mark.parametrize(
    ("task", "old", "new", "said"),
    [
        ("xnli", '"label"', '"answer"', r"line 1: expected the keys id, label, got id, answer"),
        ("xnli", '"id":"r1"', '"id":"r9"', r"line 1: expected a .* 3 test rows .*: .*'r1' has none"),
        ("xnli", '"neutral"', '"maybe"', r"line \d: label 'maybe' is outside the set"),
        ("udpos", '"tags":[', '"tags":["X",', r"line 1: the sentence that begins here has"),
        ("tatoeba", '"match":"r0"', '"match":"r9"', r"'r9' is no test row"),
    ],
)
def test_predictions_that_are_not_of_the_prepared_rows_are_not_exported(
    finished: Study, tmp_path: Path, task: str, old: str, new: str, said: str
) -> None:
    path = layout.predictions(task, "nano", "direct_en") / "seed2" / "de.jsonl"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=said) as error:
        export_official(finished, tmp_path / "out", model=None, arm=None, seed=None)
    assert str(error.value).startswith(f"{path}, line ")
    assert not (tmp_path / "out").exists()


def test_the_overall_score_of_a_study_names_what_is_missing(finished: Study) -> None:
    layout.scores("xcopa").unlink()
    rows = measured_editions(finished, "xtreme-r")
    (whole,) = [row for row in rows if row.level == "overall"]
    assert (whole.model, whole.arm, whole.seeds) == ("nano", "direct_en", 2)
    assert whole.missing == ("xcopa",)
    assert whole.official is not None
    assert 0 < whole.official < 100
    (xnli,) = [row for row in rows if row.name == "xnli"]
    assert xnli.present == ("de", "en", "tr")
    lines = [line for line in closing_lines(finished) if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == ["XTREME-R", "XTREME"]
    assert f"nano {whole.official:.1f}" in lines[0]
    assert "mean of the 9 of 10 tasks present, missing: xcopa;" in lines[0]
    assert "mean of all 9 tasks;" in lines[1]


def test_only_arms_trained_in_english_have_an_overall_score(finished: Study) -> None:
    scores = load_measured(finished)
    other = [replace(s, arm="direct_de", train_language="de") for s in scores]
    assert {row.arm for row in edition_scores([*scores, *other])} == {"direct_en"}
    assert edition_scores(other) == ()


def test_the_commands_print_what_the_stages_found(
    finished: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder,) = export_official(finished, tmp_path / "out", model=None, arm=None, seed=1)
    (folder / "xnli" / "test-de.tsv").unlink()
    words = ["score", "--predictions", str(folder), "--data", str(layout.PREPARED)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "xnli: these files are missing: test-ar.tsv, test-bg.tsv, test-de.tsv" in err
    assert "XTREME-R" in out
    assert "xnli has 2 of 15 languages, missing: ar" in out
    assert "  by group: classification " in out
    assert "group" in out
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["scores"]["xnli"]) == ["en", "tr"]
    assert {row["edition"] for row in found["editions"]} == {"xtreme-r", "xtreme"}


def test_a_folder_scored_on_prepared_data_says_what_these_are(finished: Study, tmp_path: Path) -> None:
    (folder,) = export_official(finished, tmp_path / "out", model=None, arm=None, seed=1)
    listed = {"rows": 3, "released_rows": 1190, "origin": {"stands_in": "dev files"}}
    splits = {"test": {"en": listed, "de": listed}}
    write_json(layout.prepared("xquad") / "manifest.json", {"splits": splits})
    _, rows = score_predictions(folder, layout.PREPARED)
    (xquad,) = (row for row in rows if (row.edition, row.name) == ("xtreme-r", "xquad"))
    assert (xquad.rows, xquad.released_rows, xquad.stands_in) == (6, 2380, "dev files")
    assert {row.rows for row in rows if row.name == "xnli"} == {None}


def test_scores_are_printed_for_people_and_as_json(
    finished: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Study, "here", lambda: finished)
    assert main(["scores", "--edition", "xtreme"]) == 0
    out = capsys.readouterr().out
    assert "XTREME, nano direct_en: " in out
    assert "corrected; mean of all 9 tasks; of those present " in out
    assert " official (± " in out
    assert "XTREME-R" not in out
    assert main(["scores", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["edition"] for row in rows} == {"xtreme", "xtreme-r"}
    assert main(["export", "--official", "out", "--seed", "1"]) == 0
    assert capsys.readouterr().out == "out\n"


def test_of_several_submissions_one_is_to_be_named(
    finished: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Study, "here", lambda: finished)
    assert main(["export", "--official", "out"]) == 0
    folders = capsys.readouterr().out.split()
    assert folders == [f"out/nano/direct_en/seed{k}" for k in (1, 2)]
    words = ["--data", str(layout.PREPARED), "--predictions"]
    assert main(["score", *words, "out"]) == 2
    said = (
        "out: it holds 2 submissions, one a model, arm and seed; name one of them: nano/direct_en/seed1"
    )
    assert said in capsys.readouterr().err
    assert main(["score", *words, folders[0]]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "takes a task of the study, or --predictions"),
        (["xnli", "--predictions", "x"], "takes a task of the study, or --predictions"),
        (["xnli", "--json"], "--data and --json go with --predictions"),
        (["--predictions", "nowhere"], "set XLGAP_DATA"),
        (["--predictions", "nowhere", "--data", "."], "nowhere: no such directory"),
        (["--predictions", ".", "--data", "none"], "--data none: no such directory"),
    ],
)
def test_a_wrong_word_ends_in_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XLGAP_DATA", raising=False)
    assert main(["score", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1

"""``xlgap analyse --rows``: the documented example, the numbers of a study, what is refused."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from simulate import Plan, study

from xlgap.__main__ import main
from xlgap.analysis.measure import measure
from xlgap.analysis.own.study import OPTIONAL, REQUIRED, own_study
from xlgap.analysis.study import Study
from xlgap.errors import XlgapError
from xlgap.regimes import regime_names
from xlgap.stages.own_rows import MARK, analyse_rows

DOCUMENT = Path(__file__).parents[3] / "docs" / "rows.md"
EXAMPLE = re.search(r"```csv\n(.*?)```", DOCUMENT.read_text(encoding="utf8"), re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert EXAMPLE is not None
    (tmp_path / "scores.csv").write_text(EXAMPLE[1], encoding="utf8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "scores.csv"


def test_the_documented_example_runs_outside_a_checkout(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "--rows", example.name, "--out", "my_report"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1. G_inter")
    assert "; it falls with size; +3.38 [2.85, 3.90]" in said[0]
    assert "2 languages beside English of known distance that all models have: de, sw;" in said[1]
    folder = example.parent / "my_report"
    page = (folder / "index.html").read_text(encoding="utf8")
    assert "Chance is what the rows give as such;" in page
    assert "pretrained once" not in page
    answers = {a["key"]: a for a in json.loads((folder / "answers.json").read_text(encoding="utf8"))}
    assert answers["1.inter.slope.params_total"]["estimate"] == pytest.approx(-2.02, abs=0.01)
    assert answers["3.direct.slope.params_total"]["supported"]
    assert {p.name for p in folder.iterdir()} == {
        MARK, "index.html", "answers.json", "tables", "figures", "analysis",
    }  # fmt: skip
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    analyse_rows(example, out=Path("my_report"))
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_every_column_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf8")
    described = re.findall(r"^\| `(\w+)` \| (\w*)", text, re.MULTILINE)
    assert {name for name, _ in described} == {*REQUIRED, *OPTIONAL}
    assert [name for name, needed in described if needed == "yes"] == list(REQUIRED)


def test_every_regime_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf8")
    [paragraph] = re.findall(r"^Regimes: (.*?)\. What", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", paragraph)) - {"train_language"} == set(regime_names())


def rows_of(made: Study) -> pd.DataFrame:
    """The scores of a study as the table that someone would bring."""
    names = ("model", "family", "params_total", "params_nonembedding", "seed", "task", "language",
             "metric", "value", "chance", "stderr", "n_items", "arm", "regime")  # fmt: skip
    frame = pd.DataFrame([{n: getattr(s, n) for n in names} for s in made.scores])
    frame["train_language"] = [s.train_language for s in made.scores]
    frame["intermediate"] = ["+".join(made.arms[s.arm].intermediate) for s in made.scores]
    frame["parallel"] = "true"
    return frame


def items_of(made: Study) -> pd.DataFrame:
    frames = [items.frame.assign(task=task) for task, items in made.items.items()]
    frame = pd.concat(frames, ignore_index=True)
    arms = frame["arm"]
    frame["regime"] = [made.arms[a].regime for a in arms]
    frame["train_language"] = [made.arms[a].language or "" for a in arms]
    frame["intermediate"] = ["+".join(made.arms[a].intermediate) for a in arms]
    return frame.rename(columns={"s0": "correct"}).drop(columns="s1")


def as_study(rows: pd.DataFrame, items: pd.DataFrame | None = None) -> Study:
    def records(frame: pd.DataFrame) -> list[dict[str, str]]:
        return frame.astype(str).to_dict("records")

    return own_study(
        records(rows),
        [] if items is None else records(items),
        name="made",
        columns=list(rows.columns),
        item_columns=[] if items is None else list(items.columns),
    )


@pytest.mark.parametrize("with_items", [False, True])
def test_the_rows_of_a_study_give_its_estimates(with_items: bool) -> None:
    made = study(Plan(groups=8, sizes=(40_000, 200_000, 1_000_000)), seed=4, resamples=30)
    made = made if with_items else replace(made, items={})
    found = as_study(rows_of(made), items_of(made) if with_items else None)
    again = replace(found, resamples=made.resamples, seed=made.seed)
    assert measure(again).estimates == measure(made).estimates


def answers_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The measured answers to a table."""
    frame.to_csv("changed.csv", index=False)
    analyse_rows(Path("changed.csv"), out=Path("changed"))
    found = json.loads(Path("changed/answers.json").read_text(encoding="utf8"))
    return {a["key"]: a for a in found if a["source"] == "measured"}


def test_models_of_nearly_one_size_show_no_change_with_size(example: Path) -> None:
    frame = pd.read_csv(example)
    near = {size: 10_000_000 + n for n, size in enumerate(sorted(frame["params_total"].unique()))}
    answers = answers_of(frame.assign(params_total=frame["params_total"].map(near)))
    slope = answers["1.inter.slope.params_total"]
    assert not slope["supported"]
    assert slope["reason"].startswith(f"Not sufficient: {len(near)} models of 1 size;")
    assert answers["1.inter.level"]["supported"]
    assert not [a for a in answers.values() if a["supported"] and "for ten times" in a["quantity"]]


def test_scores_without_any_scatter_or_error_support_nothing(example: Path) -> None:
    frame = pd.read_csv(example)
    gained = frame["regime"].map({"direct_en": 0, "direct_tgt": 9, "intermediate_en": 2}).fillna(5)
    answers = answers_of(frame.assign(value=50 + gained, stderr=0))
    assert answers["1.inter.level"]["estimate"] == pytest.approx(3)
    assert [key for key, answer in answers.items() if answer["supported"]] == []


def test_the_best_single_task_of_a_table_is_compared_with_joint_training() -> None:
    made = study(Plan(groups=8, joint=4.0, best_single=1.0, sizes=(40_000, 200_000, 1_000_000)), seed=4)
    rows = rows_of(replace(made, items={}))
    rows.loc[rows["regime"] == "best_of", "intermediate"] = "typing+order"
    found = [e for e in measure(as_study(rows)).estimates if (e.gap, e.task) == ("joint_best", "mean")]
    expected = [
        e for e in measure(replace(made, items={})).estimates
        if (e.gap, e.task) == ("joint_best", "mean")
    ]  # fmt: skip
    assert len(found) == len(expected) > 0
    assert [e.value for e in found] == pytest.approx([e.value for e in expected])


def test_parquet_is_read_as_csv(example: Path) -> None:
    frame = pd.read_csv(example)
    frame["seed"] = [None if i else 0.0 for i in range(len(frame))]
    frame.to_parquet("scores.parquet")
    said = analyse_rows(Path("scores.parquet"), out=Path("b"))
    assert said[:5] == analyse_rows(example, out=Path("a"))[:5]


def refused(example: Path, change: tuple[str, str]) -> str:
    """What is said of the example with ``change`` made once; nothing may be written."""
    text = example.read_text(encoding="utf8")
    assert change[0] in text
    Path("wrong.csv").write_text(text.replace(*change, 1), encoding="utf8")
    with pytest.raises(XlgapError) as error:
        analyse_rows(Path("wrong.csv"), out=Path("out"))
    assert not list(Path().glob("*out*"))
    said = str(error.value)
    assert "\n" not in said
    assert said.endswith((".", "?"))
    return said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("model,", "modle,"), "unknown column 'modle'; did you mean 'model'?"),
        (("chance,stderr", "colour,stderr"), "unknown column 'colour'; leave it out"),
        (("stderr,n_items", "value,n_items"), "column 'value' stands there twice"),
        (("direct_tgt", "direct_tgr"), "line 4, column 'regime': unknown regime 'direct_tgr'; did you"),
        (("58.0", "580"), "line 2, column 'value': got '580', allowed is a number from 0 to 100."),
        (("58.0", "x"), "line 2, column 'value': got 'x', allowed is a number from 0 to 100."),
        (("58.0", "nan"), "line 2, column 'value': got 'nan'"),
        (("58.0", ""), "line 2, column 'value': empty, but every row needs it."),
        (("5000000", "0"), "column 'params_total': got '0', allowed is a whole number from 1 to 1e+15"),
        (("5000000", "-5"), "column 'params_total': got '-5', allowed is a whole number from 1 to"),
        (("5000000", "1e40"), "column 'params_total': got '1e40', allowed is a whole number from 1 to"),
        (("chance,stderr,n_items", "chance,stderr,shots"), "'shots': direct_en is shown no target-la"),
        ((",en,", ",EN,"), "line 2, column 'language': unknown language 'EN'; codes are in small lett"),
        ((",en,", ",eng,"), "line 2, column 'language': unknown language 'eng'; did you mean 'en'?"),
        ((",en,", ",en-US,"), "unknown language 'en-US'; did you mean 'en'?"),
        ((",en,", ",klingon,"), "unknown language 'klingon'; allowed: af, ar,"),
        ((",en,", ",mul,"), "unknown language 'mul'"),
        (("58.0,33.3,0.7,5010", "58.0,33.3"), "wrong.csv: line 2 has 9 fields, but the first line nam"),
        (("58.0,33.3,0.7,5010", "58.0,33.3,0.7,5010,1"), "wrong.csv: line 2 has 12 fields, but the f"),
        (("58.0,33.3,0.7,5010\n", "58.0,33.3,0.7,5010\n\n1\n"), "line 4 has 1 field, but the first li"),
        (("58.0,33.3,0.7,5010\ntiny,", "58.0,33.3,0.7,5010\n,,,\n\n,"), "line 5, column 'model': e"),
        (("5000000", "5e6.1"), "line 2, column 'params_total': got '5e6.1'"),
        (("5000000", "6000000"), "line 3: model 'tiny' has another size or family there than before"),
        (("xnli,sw,", "xnli,en,"), "lines 2 and 3: both are tiny, direct_en, xnli, en, seed 0, acc"),
    ],
)  # fmt: skip
def test_wrong_tables_get_one_sentence(example: Path, change: tuple[str, str], said: str) -> None:
    assert said in refused(example, change)


def test_a_missing_column_and_shares_get_one_sentence(example: Path) -> None:
    frame = pd.read_csv(example)
    frame.drop(columns=["value", "task"]).to_csv("wrong.csv", index=False)
    with pytest.raises(XlgapError, match=r"columns task, value missing; needed are model, params_tot"):
        analyse_rows(Path("wrong.csv"))
    frame.assign(value=frame["value"] / 100).to_csv("wrong.csv", index=False)
    with pytest.raises(XlgapError, match=r"from 0 to 100; multiply them by 100\."):
        analyse_rows(Path("wrong.csv"))
    frame[:0].to_csv("wrong.csv", index=False)
    with pytest.raises(XlgapError, match="the table has no row"):
        analyse_rows(Path("wrong.csv"))
    for nothing in (b"", b"\n\n"):
        Path("wrong.csv").write_bytes(nothing)
        with pytest.raises(XlgapError, match=r"wrong\.csv: no header; the first line names"):
            analyse_rows(Path("wrong.csv"))
    text = example.read_text(encoding="utf8").replace(
        "mine", "m\N{LATIN SMALL LETTER I WITH DIAERESIS}"
    )
    for encoding in ("utf-16", "utf-16-le", "latin-1"):
        Path("wrong.csv").write_bytes(text.encode(encoding))
        with pytest.raises(XlgapError, match=r"^wrong\.csv: .*; save it as UTF-8\.$"):
            analyse_rows(Path("wrong.csv"))
    Path("wrong.parquet").write_bytes(b"PAR1")
    with pytest.raises(XlgapError, match=r"wrong\.parquet: cannot be read as \.parquet"):
        analyse_rows(Path("wrong.parquet"))


def test_empty_lines_are_no_rows(example: Path) -> None:
    lines = example.read_text(encoding="utf8").splitlines()
    gaps = [*lines[:3], "", *lines[3:7], "," * lines[0].count(","), "  ", *lines[7:], "", ""]
    Path("gaps.csv").write_text("\n".join(gaps), encoding="utf8")
    said = analyse_rows(Path("gaps.csv"), out=Path("b"))
    assert said[0].startswith("1. G_inter (")
    assert "−2.02 points" in said[0]


@pytest.mark.parametrize("regime", ["joint", "sequential"])
def test_several_intermediate_tasks_are_not_one(example: Path, regime: str) -> None:
    frame = pd.read_csv(example).assign(intermediate="")
    frame.loc[frame["regime"] == "intermediate_en", "regime"] = regime
    frame.loc[frame["regime"] == regime, "intermediate"] = "squad"
    frame.to_csv("wrong.csv", index=False)
    line = 2 + int((frame["regime"] == regime).argmax())
    with pytest.raises(XlgapError) as error:
        analyse_rows(Path("wrong.csv"), out=Path("out"))
    assert str(error.value) == (
        f"line {line}, column 'intermediate': {regime} is of several intermediate tasks, got 'squad' "
        "alone; join them by '+', or name the regime intermediate_en."
    )


@pytest.mark.parametrize("budget", ["steps:\N{SUPERSCRIPT TWO}", "steps:" + "9" * 5000, "tokens:1e6"])
def test_a_budget_is_of_plain_digits(example: Path, budget: str) -> None:
    pd.read_csv(example).assign(budget=budget).to_csv("wrong.csv", index=False)
    with pytest.raises(XlgapError, match=r"^line 2, column 'budget': got .*, allowed is st") as error:
        analyse_rows(Path("wrong.csv"), out=Path("out"))
    assert len(str(error.value)) < 250


def test_names_are_drawn_as_they_are_written(example: Path) -> None:
    frame = pd.read_csv(example)
    odd = {"tiny": r"$\frac$ tiny", "small": "cost$5 small $x", "base": "_base", "large": "a^b_c"}
    answers_of(frame.assign(model=frame["model"].map(odd), family="$x_{"))
    shown = Path("changed/figures/regimes.svg").read_text(encoding="utf8")
    written = re.findall(r"<!-- (.*?) -->", shown)
    assert [w.lstrip("\N{ZERO WIDTH SPACE}") for w in written if w.strip()][-4:] == list(odd.values())
    letters = shown.partition(f"<!-- {odd['small']} -->")[2].partition("</g>")[0]
    assert letters.count("<use ") == len(odd["small"]), "a sign is not drawn"


def test_names_in_letters_that_no_figure_has_get_one_note(example: Path) -> None:
    frame = pd.read_csv(example)
    odd = {"tiny": "\u6a21\u578b", "small": "b-\u6a21", "base": "\u043c\u043e"}
    frame.assign(model=frame["model"].replace(odd)).to_csv("odd.csv", index=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        said = analyse_rows(Path("odd.csv"), out=Path("out"))
    assert not [str(w.message) for w in told if "missing from font" in str(w.message)]
    assert [line for line in said if "font" in line] == [
        "Figures have boxes for the letters that their font, DejaVu Sans, lacks: those of b-\u6a21, "
        "\u6a21\u578b; the page and the tables have these names whole, and names in other letters "
        "would be drawn."
    ]


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named_once(example: Path, mark: str, name: str) -> None:
    text = example.read_text(encoding="utf8").replace(",", mark)
    Path("wrong.csv").write_text(text, encoding="utf8")
    with pytest.raises(XlgapError) as error:
        analyse_rows(Path("wrong.csv"))
    said = f"wrong.csv: fields are separated by {name}: commas are wanted (docs/rows.md)."
    assert str(error.value) == said


def test_a_table_of_other_columns_is_told_once_what_is_needed(example: Path) -> None:
    Path("wrong.csv").write_text("a,b\n1,2\n", encoding="utf8")
    with pytest.raises(XlgapError) as error:
        analyse_rows(Path("wrong.csv"))
    assert str(error.value).count("params_total") == 1


def test_languages_without_distances_and_a_lack_of_english_are_said(example: Path) -> None:
    frame = pd.read_csv(example)
    frame = frame[frame["language"] != "en"]
    frame.loc[(frame["model"] == "tiny") & (frame["language"] == "sw"), "language"] = "zh-Hant"
    frame.to_csv("odd.csv", index=False)
    said = analyse_rows(Path("odd.csv"), out=Path("odd"))
    told = (
        "No distance from English is known of zh-Hant: left out of the slopes over distance.",
        "No English score without intermediate training on xnli: slopes over distance are those of "
        "minus the score, there is no transfer gap, and whether models are above chance in English "
        "cannot be checked.",
    )
    assert tuple(said[5:7]) == told
    answers = json.loads(Path("odd/answers.json").read_text(encoding="utf8"))
    reason = next(a["reason"] for a in answers if a["key"] == "2.distance_partial.slope.params_total")
    assert all(sentence in reason for sentence in told)
    with_english = as_study(pd.read_csv(example, keep_default_na=False))
    assert with_english.language_notes == ()


@pytest.mark.parametrize("where", ["file/x", "a" * 300])
def test_a_place_that_cannot_be_written_is_told_before_the_analysis(
    example: Path, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("")
    monkeypatch.setattr("xlgap.analysis.result.analyse", None)
    assert main(["analyse", "--rows", example.name, "--out", where]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {where}: cannot be written (")
    assert said.count("\n") == 1


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="the system has no /proc")
def test_a_place_that_holds_no_directories_is_told(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "--rows", example.name, "--out", "/proc/x"]) == 2
    assert "error: /proc/x: cannot be written (" in capsys.readouterr().err


def test_one_size_is_answered_as_not_sufficient(example: Path) -> None:
    frame = pd.read_csv(example)
    frame[frame["model"] == "tiny"].to_csv("one.csv", index=False)
    said = analyse_rows(Path("one.csv"), out=Path("one"))
    assert said[0] == (
        "1. Not sufficient: 1 model of 1 size; a trend with size needs at least 4 models of 3 sizes."
    )


def test_a_foreign_directory_stays(example: Path) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("")
    with pytest.raises(XlgapError, match=r"mine: holds 'thesis\.tex', which 'xlgap analyse --rows'"):
        analyse_rows(example, out=Path("mine"))
    analyse_rows(example, out=Path("ours"))
    Path("ours/notes.txt").write_text("")
    with pytest.raises(XlgapError, match=r"ours: holds 'notes\.txt'"):
        analyse_rows(example, out=Path("ours"))
    with pytest.raises(XlgapError, match="is the current directory"):
        analyse_rows(example, out=Path())
    assert Path("mine/thesis.tex").is_file()
    assert Path("ours/notes.txt").is_file()


def test_items_that_are_not_of_the_scores_are_refused() -> None:
    made = study(Plan(groups=4, sizes=(40_000,)), seed=4, resamples=10)
    rows, items = rows_of(made), items_of(made)
    with pytest.raises(XlgapError, match=r"have a mean of .*, but its score is"):
        as_study(rows.assign(value=rows["value"] * 0.5 + 3), items)
    with pytest.raises(XlgapError, match=r"item 'i0' of nli in .* stands twice"):
        as_study(rows, pd.concat([items, items[:1]]))
    with pytest.raises(XlgapError, match=r"line 2, column 'correct': got '2\.0'"):
        as_study(rows, items.assign(correct=2.0))
    with pytest.raises(XlgapError, match="there is no score of qa for"):
        as_study(rows[~((rows["task"] == "qa") & (rows["language"] == "de"))], items)


def test_options_of_a_table_go_with_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "--out", "x"]) == 2
    assert "--items and --out go with --rows FILE alone" in capsys.readouterr().err

"""The licence manifest: what a study's data are, under which terms, and which are non-commercial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulate import Plan, study

from xlgap.analysis.licences import data_sets
from xlgap.analysis.result import analyse, read_analysis, write_analysis
from xlgap.config import check, overlaid
from xlgap.data.prepare import prepare
from xlgap.report.write import write_report
from xlgap.tasks import get_task


def manifest(**changes: object) -> dict:
    files = [{"path": f"a/test-{code}.tsv", "licence_class": "open"} for code in ("de", "sw")]
    test = {c: {"origin": {"files": [f]}} for c, f in zip(("de", "sw"), files, strict=True)}
    return {
        "task": "t",
        "source": "release",
        "licence": "CC0",
        "citation": "Someone 2020",
        "noncommercial": False,
        "splits": {"test": test},
        **changes,
    }


def test_files_of_several_languages_are_one_pattern() -> None:
    (found,) = data_sets([manifest()])
    assert found.held == ("a/test-*.tsv",)
    assert (found.licence, found.citation, found.noncommercial) == ("CC0", "Someone 2020", False)
    assert found.languages == ()


def test_a_hub_repository_is_named_with_its_revision() -> None:
    origin = {"repo": "who/what", "revision": "0123456789abcdef", "config": "en"}
    (found,) = data_sets([manifest(source="hub", splits={"test": {"en": {"origin": origin}}})])
    assert found.held == ("who/what at 01234567",)


def test_the_languages_whose_files_are_noncommercial_are_named() -> None:
    files = [{"path": "a/test-de.tsv", "licence_class": "nc"}]
    (found,) = data_sets(
        [manifest(noncommercial=True, splits={"test": {"de": {"origin": {"files": files}}}})]
    )
    assert (found.noncommercial, found.languages) == (True, ("de",))


@pytest.mark.parametrize(
    ("name", "read", "marked"),
    [
        ("squad", ("en",), ()),
        ("squad", ("ar", "en", "zh"), ()),
        ("squad", ("en", "fa"), ("fa",)),
        ("mnli", ("en", "id", "ja", "ko"), ()),
        ("mnli", ("de", "en", "zh"), ("de", "zh")),
        ("xnli", ("en",), ("en",)),
        ("xquad", ("en",), ()),
    ],
)
def test_what_is_noncommercial_in_one_language_is_not_in_all(
    name: str, read: tuple[str, ...], marked: tuple[str, ...]
) -> None:
    task = get_task(name)
    assert task.noncommercial_of(read) == marked
    assert {*task.noncommercial_in} <= {*task.train_languages}


def test_a_study_is_marked_by_what_it_read(
    raw_real_study: Callable[..., dict[str, Any]], release_files: Path, tmp_path: Path
) -> None:
    """Of SQuAD the English part; of MultiNLI and its counterparts the English and the German one."""
    params = check(raw_real_study(), Path("params.yaml"))
    made = [
        prepare(get_task(name), params, tmp_path / name, data_dir=release_files)
        for name in ("squad", "mnli", "xnli")
    ]
    assert [sorted(each["splits"]["train"]) for each in made[:2]] == [["en"], ["de", "en"]]
    found = {data.task: (data.noncommercial, data.languages) for data in data_sets(made)}
    assert found["squad"] == (False, ())
    assert found["mnli"] == (True, ("de",))
    assert found["xnli"][0]


def test_the_real_study_marks_xnli_and_udpos_as_noncommercial(
    real_data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = request.config.rootpath
    study = root / "studies" / "real_small.yaml"
    params = check(overlaid(root / "params.yaml", study), study)
    found = data_sets(
        prepare(get_task(name), params, tmp_path / name, data_dir=real_data)
        for name in params.all_tasks
    )
    marked = {data.task for data in found if data.noncommercial}
    assert {"xnli", "udpos"} <= marked
    assert not {"xquad", "tatoeba"} & marked
    assert all(data.licence and data.citation and data.held for data in found)


def test_the_report_says_what_may_not_be_used_commercially(tmp_path: Path) -> None:
    made = study(Plan(groups=10), seed=2, resamples=20)
    data = data_sets([manifest(task="free"), manifest(task="bound", noncommercial=True)])
    write_analysis(tmp_path, replace(analyse(made, []), data=data))
    page = write_report(tmp_path / "report", read_analysis(tmp_path)).read_text(encoding="utf8")
    assert "Not for commercial use: bound;" in page
    (bound,) = (line for line in page.split("\n") if "<tr" in line and "<td>bound</td>" in line)
    assert "<strong>non-commercial</strong>" in bound
    assert "Someone 2020" in bound
    assert "a/test-*.tsv" in bound
    table = (tmp_path / "report" / "tables" / "data_sets.csv").read_text(encoding="utf8")
    assert "bound,release,a/test-*.tsv,CC0,Someone 2020,True" in table

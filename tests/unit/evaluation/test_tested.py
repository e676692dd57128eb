"""What a score is over: the manifests' rows, and files that stand in for the official test files."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlgap.evaluation.editions import XTREME_R, overall, told
from xlgap.evaluation.tested import Tested, read_tested
from xlgap.formats import write_json
from xlgap.tasks import get_task, task_names

XQUAD = get_task("xquad")
FULL = {"xquad": {c: dict.fromkeys(XQUAD.metrics, 50.0) for c in XQUAD.eval_languages}}


@pytest.mark.parametrize("name", task_names())
def test_every_other_file_than_a_split_s_official_one_says_what_it_stands_in_with(name: str) -> None:
    task = get_task(name)
    files = (task.release or {}).get("test", ())
    for code in task.eval_languages:
        having = [file for file in files if file.languages is None or code in file.languages]
        for file in having:
            assert bool(file.stands_in) == (file.path != having[0].path), (code, file.path)


def test_manifests_say_what_is_scored(tmp_path: Path) -> None:
    part = {"rows": 60, "released_rows": 1190, "origin": {"files": []}}
    other = {"rows": 9, "released_rows": 9, "origin": {"files": [], "stands_in": "dev files"}}
    splits = {"test": {"en": part, "de": other, "fi": {"rows": 3}}}
    write_json(tmp_path / "xquad" / "manifest.json", {"splits": splits})
    write_json(tmp_path / "squad" / "manifest.json", {"splits": {"train": {"en": part}}})
    assert read_tested(tmp_path, ["xquad", "squad", "xnli"]) == {
        "xquad": {
            "en": Tested(rows=60, released_rows=1190),
            "de": Tested(rows=9, released_rows=9, stands_in="dev files"),
        },
        "squad": {},
    }


def test_rows_are_summed_over_the_languages_that_are_scored() -> None:
    tested = {"xquad": {c: Tested(rows=60, released_rows=1190) for c in ("de", "en", "xx")}}
    rows = overall(XTREME_R, [FULL], model="m", arm="a", tested=tested)
    found = {row.name: row for row in rows}
    xquad = found["xquad"]
    assert (xquad.rows, xquad.released_rows, xquad.capped) == (120, 2380, ("de", "en"))
    assert found["qa"].capped == found["XTREME-R"].capped == ("xquad",)
    assert (found["qa"].rows, found["retrieval"].capped) == (None, ())
    assert told(found["qa"]).startswith("50.00 official metrics on part of the rows, 50.00 corrected")
    assert found["qa"].scored_on == "part of the test rows of xquad"


def test_without_manifests_nothing_is_claimed() -> None:
    rows = {row.name: row for row in overall(XTREME_R, [FULL], model="m", arm="a")}
    assert rows["xquad"].rows is None
    assert told(rows["qa"]) == (
        "50.00 official, 50.00 corrected; mean of the 1 of 3 tasks present, missing: mlqa, tydiqa"
    )

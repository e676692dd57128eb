"""Which readers a changed release file makes stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.config import check
from xlgap.data.released import CORPUS, release_digests
from xlgap.errors import DataError
from xlgap.formats import write_text

TASKS = {"udpos", "xnli", "xquad", "tatoeba", "mnli", "squad"}
PARALLEL = "parallel/flores200/de.devtest"


@pytest.fixture
def digests(
    raw_real_study: Callable[..., dict],
    release_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], dict[str, str]]:
    """The digests of the release files as they are now."""
    raw = raw_real_study()
    raw["pretrain"]["parallel_lines"] = 10
    monkeypatch.setenv("XLGAP_DATA", "release")  # relative to the checkout
    return lambda: release_digests(check(raw, Path("params.yaml")), tmp_path)


def test_every_reader_has_one(digests: Callable[[], dict[str, str]]) -> None:
    found = digests()
    assert found.keys() == {*TASKS, CORPUS}
    assert found == digests()


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("xtreme_r/udpos/test-de.tsv", {"udpos"}),
        ("xtreme_r/tatoeba/v1/tatoeba.deu-eng.eng", {"tatoeba"}),  # the aligned side
        ("intermediate_en/qa/squad_v1.1/train_from_dev.json", {"squad"}),
        ("xtreme_r/xnli/dev-en.tsv", {"xnli"}),  # selects English trainings
        ("xtreme_r/xnli/dev-ru.tsv", set()),  # no arm trains on Russian
        ("pretrain/ru.txt", {CORPUS}),
        (PARALLEL, {CORPUS}),
    ],
)
@pytest.mark.parametrize("change", ["cut", "remove"])
def test_a_changed_file_is_noticed_by_its_readers_alone(
    digests: Callable[[], dict[str, str]],
    release_files: Path,
    name: str,
    readers: set[str],
    change: str,
) -> None:
    write_text(release_files / PARALLEL, "Ein Satz.\n")
    before, path = digests(), release_files / name
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    assert {r for r, found in digests().items() if found != before[r]} == readers


def test_no_directory_is_one_sentence(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = check(raw_real_study(), Path("params.yaml"))
    monkeypatch.delenv("XLGAP_DATA", raising=False)
    with pytest.raises(DataError, match="XLGAP_DATA names, but it is not set"):
        release_digests(params, tmp_path)
    monkeypatch.setenv("XLGAP_DATA", "nowhere")
    with pytest.raises(DataError, match="XLGAP_DATA=nowhere: no such directory"):
        release_digests(params, tmp_path)

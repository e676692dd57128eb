"""The MLflow UI at 500 runs in a real browser: gaps, parallel coordinates, regimes, a comparison."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs Chromium: apt-get install chromium chromium-driver",
    ),
]


def test_each_view_shows_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from many_runs import RUNS, fill
    from many_views import shoot_many

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    fill(uri)
    assert RUNS == 500
    pictures = shoot_many(uri, tmp_path / "images")
    assert [picture.name for picture in pictures] == [
        "mlflow-many-gap.png",
        "mlflow-many-parallel.png",
        "mlflow-many-regimes.png",
        "mlflow-many-compare.png",
    ]
    for picture in pictures:
        assert picture.stat().st_size > 30_000

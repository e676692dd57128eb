"""The MLflow UI in a real browser: the runs, and a chart of a gap against size."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

import pytest

from xlgap.tracking.mlflow import open_run
from xlgap.tracking.summary import log_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
SIZES = {"small": 3e4, "medium": 3e5, "large": 3e6}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs Chromium: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture
def store(tmp_path: Path) -> str:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for model, size in SIZES.items():
        run = open_run(uri=uri, experiment="lab", name=f"{model} seed 0", digest=model, tags={})
        run.metrics({"params_nonembedding": size})
        run.close()
    rows = [
        {
            "model": m,
            "params_total": 2 * n,
            "params_nonembedding": n,
            "gap_inter": 30 - 4 * math.log10(n),
        }
        for m, n in SIZES.items()
    ]
    log_study(uri=uri, experiment="lab", study="toy", summary_metrics={}, per_model=rows)
    return uri


def test_shows_the_runs_and_the_gap(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from screenshots import shoot_study

    for picture in shoot_study(store, "lab", "toy", tmp_path / "images"):
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 20_000


def test_a_store_without_the_study_is_one_sentence(tmp_path: Path) -> None:
    import subprocess

    command = [sys.executable, str(DOCS / "screenshots.py"), "--uri", f"sqlite:///{tmp_path}/mlflow.db"]
    done = subprocess.run(
        [*command, "--experiment", "lab", "--study", "no"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr

"""Release files of the tasks that rank a pool, and a study of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import rank_files

from xlgap.config import Params, check


@pytest.fixture
def rank_release(tmp_path: Path) -> Path:
    return rank_files.write(tmp_path / "release")


@pytest.fixture
def rank_study(raw_real_study: Callable[..., dict]) -> Params:
    raw = raw_real_study(
        languages={"evaluation": ["en", "de", "tr"], "pretraining": ["en", "de"]},
        tasks={"lareqa": {}, "mewslix": {}},
        intermediate={},
        arms={"direct_en": {"regime": "direct_en"}},
    )
    return check(raw, Path("params.yaml"))

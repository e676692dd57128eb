"""A study whose training and test data the leakage gate compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.config import Params, check


@pytest.fixture
def zero_shot(raw_real_study: Callable[..., dict]) -> Params:
    """Trained in English, scored on XQuAD in English and Thai."""
    return check(
        raw_real_study(
            languages={"evaluation": ["en", "th"], "pretraining": ["en", "th"]},
            arms={"direct_en": {"regime": "direct_en"}},
            tasks={"xquad": {}},
            intermediate={"squad": {}},
        ),
        Path("params.yaml"),
    )

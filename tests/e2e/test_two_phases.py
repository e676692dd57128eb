"""A cell of two phases on the CPU: COPA goes on with the head that SocialIQA trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from choice_files import WORDS, write_choice_files

from xlgap import layout
from xlgap.config import check
from xlgap.data.prepare import prepare
from xlgap.models.tokenizer import train_tokenizer
from xlgap.tasks import get_task

pytestmark = pytest.mark.e2e

PROGRAM = Path(__file__).parents[1] / "programs" / "two_phases.py"
ROWS = {"train_rows": 32, "dev_rows": 5, "test_rows": 10, "batch_rows": 8, "max_length": 48}
LEARNT, UNMOVED = 0.01, 1e-9  # learning rates: of SocialIQA's phase, and of COPA's
SAME, OTHER = 1e-6, 1e-3


@pytest.fixture
def found(raw_real_study: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """What the program printed; COPA's learning rate leaves as it is what COPA starts with."""
    write_choice_files(tmp_path / "release")
    raw = raw_real_study(
        languages={"evaluation": ["et"], "pretraining": ["en"]},
        models={"nano": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}},
        arms={
            "direct_en": {"regime": "direct_en"},
            "copa_en": {"regime": "direct_en", "preliminary": False},
        },
        tasks={"xcopa": ROWS},
        intermediate={
            "socialiqa": {**ROWS, "epochs": 3, "learning_rate": LEARNT},
            "copa": {**ROWS, "epochs": 1, "learning_rate": UNMOVED},
        },
    )
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf8")
    params = check(raw, Path("params.yaml"))
    for name in params.all_tasks:
        out = tmp_path / layout.prepared(name)
        prepare(get_task(name), params, out, data_dir=tmp_path / "release")
    lines = (f"{' '.join(words)} {n}." for n in range(40) for words in WORDS.values())
    train_tokenizer(lines, tmp_path / "tokenizer.json", vocabulary=44)
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "tokenizer.json", "out.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    whole: dict[str, Any] = json.loads((tmp_path / "out.json").read_text(encoding="utf8"))
    return whole


def apart(a: list[float], b: list[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def test_the_second_phase_goes_on_with_the_head_of_the_first(found: dict[str, Any]) -> None:
    heads = found["heads"]
    assert apart(heads["whole"], heads["first"]) < SAME
    assert apart(heads["whole"], found["drawn"]) > OTHER
    assert apart(heads["new_head"], found["drawn"]) < SAME  # as it would be without 'keeps_head'
    assert apart(heads["alone"], found["drawn"]) < SAME
    assert (found["choices"]["first"], found["choices"]["whole"]) == (3, 2)
    # the encoder goes on in any case; COPA alone has not moved it
    assert found["apart"] < SAME
    assert found["moved"]["whole"] > OTHER
    assert found["moved"]["alone"] < SAME
    # both arms stand in one study, and a chain that is done is not trained again
    told = [(phase["tasks"], phase["keeps_head"]) for phase in found["phases"]["whole"]]
    assert told == [(["socialiqa"], False), (["copa"], True)]
    assert [phase["steps"] for phase in found["phases"]["whole"]] == [12, 4]
    assert [phase["tasks"] for phase in found["phases"]["alone"]] == [["copa"]]
    assert len({found["digests"][name] for name in ("whole", "first", "new_head", "alone")}) == 4
    assert found["digests"]["again"] == found["digests"]["whole"]
    assert (found["reused"]["whole"], found["reused"]["again"]) == (False, True)
    assert len(found["predicted"]) == 10
    assert {row["label"] for row in found["predicted"]} <= {0, 1}

"""A study with XCOPA through DVC: which stages other rows of SocialIQA make stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkout import STUDY, Checkout
from choice_files import write_choice_files

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SMALL = {"train_rows": 24, "dev_rows": 8, "test_rows": 8, "epochs": 1, "max_length": 48}
RECIPE: dict[str, Any] = {
    **STUDY,
    "study": {"name": "recipe", "source": "release", "seeds": [1]},
    "languages": {"evaluation": ["en", "et"], "pretraining": ["en", "et"]},
    "models": {"one": {**STUDY["models"]["one"], "pretrained": False}},
    "arms": {
        "direct_en": {"regime": "direct_en"},
        "copa_en": {"regime": "direct_en", "preliminary": False},
    },
    "tasks": {"xcopa": SMALL, "xquad": SMALL},
    "intermediate": dict.fromkeys(("copa", "socialiqa", "squad"), SMALL),
    "pretrain": {**STUDY["pretrain"], "corpus_lines": 50, "vocabulary": 36},
}


def test_other_rows_of_the_first_task_train_the_cells_again_that_read_them(
    release_files: Path, tmp_path: Path
) -> None:
    write_choice_files(release_files)
    study = Checkout.make(tmp_path / "checkout", RECIPE)
    data = {"XLGAP_DATA": str(release_files)}
    study.xlgap("run", **data)
    assert study.stale() == set()
    page = (study.folder / "report" / "index.html").read_text(encoding="utf8")
    assert "direct_en × xcopa is trained on socialiqa, then copa." in page
    assert "copa_en × xcopa" not in page
    plan = study.xlgap("plan").stdout
    assert "direct_en x xcopa contains an English intermediate stage" in " ".join(plan.split())

    path = release_files / "intermediate_en" / "mc" / "socialiqa" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf8").replace("boat", "canoe"), encoding="utf8")
    study.xlgap("graph", **data)
    assert study.stale() == {"prepare@socialiqa"}
    study.run("dvc", "repro", "prepare@socialiqa", "index", **data)
    cells = {name for name in study.stale() if name.startswith(("finetune", "warmstart"))}
    assert cells == {"finetune@one-direct_en-xcopa"}

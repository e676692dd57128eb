"""Whether a study that keeps states on disk can do so here is said before it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.cell import grid
from xlgap.config import Params
from xlgap.doctor import Finding, study_findings
from xlgap.planning import plan_study

pytestmark = pytest.mark.usefixtures("toy_tasks")


def found(params: Params, *, hardware: str = "cpu") -> Finding | None:
    plan = plan_study(params, grid(params), hardware=hardware)
    findings = study_findings(Path(), params, plan, hub=(False, "cannot be reached (no route)"))
    return next((one for one in findings if one.name == "offload to disk"), None)


def test_a_study_on_disk_lacks_what_is_compiled_without_a_compiler(
    tmp_path: Path, study: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    on_disk = study(train={"zero_stage": 3, "offload_optimizer": "nvme"})
    lacks = found(on_disk)
    assert lacks is not None
    assert (lacks.state, lacks.found) == ("lacking", "lacks a C++ compiler")
    assert lacks.advice.endswith("install g++.")
    elsewhere = found(on_disk, hardware="h100")
    assert elsewhere is not None
    assert elsewhere.state == "note"
    assert found(study(train={"zero_stage": 3, "offload_optimizer": "cpu"})) is None

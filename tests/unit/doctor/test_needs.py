"""What a study needs of a machine, and what is said where it lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.cell import grid
from xlgap.config import Params
from xlgap.doctor import (
    Finding,
    study_findings,
)
from xlgap.planning import plan_study
from xlgap.planning.hardware import GIB
from xlgap.training.engine import Accelerators, accelerators

pytestmark = pytest.mark.usefixtures("toy_tasks")
TINY = {"layers": 1, "width": 8, "heads": 2, "feed_forward": 8}
ABSENT = (False, "cannot be reached (no route)")


def needs(
    params: Params, *, workers: int = 1, hub: tuple[bool, str] = ABSENT, hardware: str = "cpu"
) -> dict[str, Finding]:
    plan = plan_study(params, grid(params), workers=workers, hardware=hardware)
    found = study_findings(Path(), params, plan, hub=hub)
    return {finding.name: finding for finding in found}


def test_a_study_that_fits_lacks_nothing(checkout: Path, study: Callable[..., Params]) -> None:
    found = needs(study())
    assert {f.state for f in found.values()} == {"ok", "note"}
    assert [name for name, f in found.items() if f.state == "note"] == ["time"]
    assert "its rows are known once the data are prepared" in found["time"].advice
    assert found["data"].found == "made here (lab)"
    assert found["MLflow store"].found == f"file {checkout / 'mlflow.db'}"


def test_a_model_too_large_lacks_memory_and_disk(
    checkout: Path, study: Callable[..., Params], huge: dict[str, int]
) -> None:
    found = needs(study(models={"huge": huge}), workers=2)
    assert found["memory"].state == "lacking"
    assert "TiB at the peak of 2 workers" in found["memory"].found
    assert found["disk"].state == "lacking"
    assert "set train.keep to none" in found["disk"].advice
    unkept = needs(study(models={"huge": huge}, train={"keep": "none"}))
    assert "train.keep" not in unkept["disk"].advice


def test_what_does_not_fit_by_the_plan_lacks(checkout: Path, study: Callable[..., Params]) -> None:
    params = study(models={"xxl": {"hub": "facebook/xlm-roberta-xxl"}}, train={"precision": "bf16"})
    plan = plan_study(params, grid(params), hardware="rtx4090")
    (lacking,) = {stage.choice.lacking for stage in plan.stages if stage.choice is not None}
    assert lacking
    found = needs(params, hardware="rtx4090")["memory"]
    assert found.state == "lacking"
    assert f"xxl takes {lacking}" in found.found
    (would,) = {stage.advice for stage in plan.stages if stage.choice is not None}
    assert found.advice.startswith(f"xxl: {would}; take fewer workers or smaller models")


def test_memory_of_the_host_lacks_where_states_are_offloaded_to_it(
    checkout: Path,
    study: Callable[..., Params],
    container: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = Accelerators(built_for="CUDA 13.0", devices=(("NVIDIA GeForce RTX 4090", 24 * GIB),))
    monkeypatch.setattr("xlgap.doctor.needs.accelerators", lambda: card)
    container(GIB)
    train = {"precision": "bf16", "zero_stage": 2, "offload_optimizer": True}
    params = study(models={"base": {"hub": "FacebookAI/xlm-roberta-base"}}, train=train)
    found = needs(params, hardware="rtx4090")["memory"]
    assert found.state == "lacking"
    assert "of memory to be had where there are 1.00 GiB" in found.found
    container(16 * GIB)
    assert needs(params, hardware="rtx4090")["memory"].state == "ok"
    two = needs(params, hardware="rtx4090", workers=2)
    assert "2 workers take the same devices" in two["processes"].found
    assert needs(params, hardware="2xrtx4090")["processes"].state == "lacking"


def test_disks_without_room_for_what_is_offloaded_lack(
    checkout: Path, study: Callable[..., Params]
) -> None:
    params = study(
        models={"bloom": {"hub": "bigscience/bloom"}},
        train={"zero_stage": 3, "offload_optimizer": "nvme", "nvme_path": str(checkout / "nvme")},
    )
    found = needs(params)["memory"]
    assert found.state == "lacking"
    assert f"TiB of disk free for {checkout / 'nvme'} where there are" in found.found


def test_earlier_tasks_that_no_process_can_score_lack(
    checkout: Path, study: Callable[..., Params]
) -> None:
    params = study(
        models={"xxl": {"hub": "facebook/xlm-roberta-xxl"}},
        arms={"intermediate_en": {"regime": "intermediate_en", "intermediate": ["toy_order"]}},
        train={"precision": "bf16", "zero_stage": "auto"},
        evaluation={"retention": {"arms": ["intermediate_en"]}},
    )
    plan = plan_study(params, grid(params), hardware="8xrtx4090")
    assert [stage for stage in plan.stages if stage.kind == "retention" and stage.note]
    found = needs(params, hardware="8xrtx4090")["retention"]
    assert (found.state, found.found) == ("lacking", "of xxl")
    assert "train.split: off" in found.advice


def test_what_is_not_known_is_no_ok(checkout: Path, study: Callable[..., Params]) -> None:
    own = {"hub": "someone/model", "revision": "0" * 40}
    found = needs(study(models={"own": own}), hub=(True, "answers"))
    for name in ("memory", "disk", "time"):
        assert found[name].state == "note", name
        assert "unknown for" in found[name].found, name
        assert "'someone/model' is not in the catalogue" in found[name].advice, name
    assert "'models.own.hub'" in found["memory"].advice
    both = needs(study(models={"own": own, "nano": TINY}), hub=(True, "answers"))
    assert both["memory"].state == "note"
    assert "at the peak of 1 worker, without own (unknown)" in both["memory"].found
    assert "of weights and checkpoints, without own (unknown)" in both["disk"].found
    assert "without 2 of 3 stages" in both["time"].found


def test_every_process_takes_memory(checkout: Path, study: Callable[..., Params]) -> None:
    params = study()
    one, many = needs(params)["memory"], needs(params, hardware="1x16xcpu")["memory"]
    assert "at the peak of 1 worker;" in one.found
    assert "at the peak of 1 worker of 16 processes each;" in many.found
    assert one.found.split()[1] == "MiB"
    assert many.found.split()[1] == "GiB"


def test_devices_are_not_workers(checkout: Path, study: Callable[..., Params]) -> None:
    assert needs(study(), hardware="8xh100", workers=2)["time"].found.endswith(
        "2 workers, each on 8 x h100"
    )
    assert needs(study(), hardware="2x8xh100")["time"].found.endswith("; 16 x h100 in 2 nodes")


def test_a_store_that_cannot_be_made_lacks(
    checkout: Path, study: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "file").touch()
    for uri, said in {
        f"sqlite:///{checkout}/file/x.db": "cannot be made or written to",
        f"sqlite:///{checkout}/.dvc": "is a directory",
        "sqlite:////proc/nothing/x.db": "cannot be made or written to",
    }.items():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        found = needs(study())["MLflow store"]
        assert found.state == "lacking", uri
        assert said in found.found
        assert "or unset MLFLOW_TRACKING_URI" in found.advice
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs.db")
    assert "got a path" in needs(study())["MLflow server"].advice
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{checkout}/later/x.db")
    assert needs(study())["MLflow store"].state == "ok"
    assert not (checkout / "later").exists()


def test_a_checkpoint_that_can_not_be_had_lacks(
    checkout: Path, study: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(checkout / "cache"))
    (checkout / "own").mkdir()
    (checkout / "own" / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    base = {"hub": "FacebookAI/xlm-roberta-base"}
    found = needs(study(models={"base": base}))
    assert found["model base"].state == "lacking"
    assert "not in the cache; the hub cannot be reached" in found["model base"].found
    assert needs(study(models={"base": base}), hub=(True, "answers"))["model base"].state == "ok"


def test_release_files_and_a_store_that_are_not_there_lack(
    checkout: Path,
    study: Callable[..., Params],
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = f"http://me:hidden@127.0.0.1:{closed_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    params = study(
        study={"name": "unit", "source": "release", "seeds": [1]},
        arms={"direct_en": {"regime": "direct_en"}},
        tasks={"xnli": {"train_rows": 10, "max_length": 64}},
        intermediate={"mnli": {"train_rows": 10, "max_length": 64}},
    )  # fmt: skip
    found = needs(params)
    assert found["data"].state == "lacking"
    assert "XLGAP_DATA" in found["data"].advice
    assert found["MLflow server"].state == "note"  # runs wait for it
    assert "cannot be reached" in found["MLflow server"].found
    assert "hidden" not in f"{found['MLflow server']}"
    assert found["MLflow store"].state == "ok"
    monkeypatch.setenv("XLGAP_DATA", str(checkout))
    assert needs(params)["data"].found == f"release files at {checkout}"


def test_bf16_on_a_cpu_is_a_note(checkout: Path, study: Callable[..., Params]) -> None:
    if accelerators().devices:
        pytest.skip("this machine has an accelerator")
    assert needs(study(train={"precision": "bf16"}))["precision"].state == "note"


def test_a_checkpoint_without_a_commit_says_what_to_give(
    checkout: Path, study: Callable[..., Params]
) -> None:
    found = needs(study(models={"m": {"hub": "google/rembert"}}), hub=(True, "answers"))["model m"]
    assert found.state == "lacking"
    assert "key 'models.m.revision' is missing: the catalogue pins no commit" in found.advice


def test_the_library_of_few_bits_is_looked_for(
    checkout: Path, study: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = {"hub": "FacebookAI/xlm-roberta-base"}
    assert "bitsandbytes" not in needs(study(models={"m": base}))
    monkeypatch.setattr("xlgap.models.quantised.LIBRARY", "no_such_library")
    found = needs(study(models={"m": {**base, "lora": {"bits": 4}}}))["bitsandbytes"]
    assert (found.state, found.found) == ("lacking", "asked for by m")
    assert "pip install xlgap[quantised]" in found.advice

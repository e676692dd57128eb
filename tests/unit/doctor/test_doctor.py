"""What a machine has, what a study needs of it, and what is said where it lacks."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import psutil
import pytest
import yaml

from xlgap.__main__ import main
from xlgap.cell import grid
from xlgap.config import Params
from xlgap.doctor import (
    STATES,
    Finding,
    machine,
    machine_findings,
    network,
    network_findings,
    software,
    software_findings,
    study_findings,
)
from xlgap.planning import plan_study
from xlgap.planning.hardware import GIB
from xlgap.training.engine import Accelerators, accelerators

TINY = {"layers": 1, "width": 8, "heads": 2, "feed_forward": 8}
HUGE = {"layers": 100, "width": 16384, "heads": 128, "feed_forward": 65536}
ABSENT = (False, "cannot be reached (no route)")
needs_toys = pytest.mark.usefixtures("toy_tasks")


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nothing answers at while the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "XLGAP_DATA", "XLGAP_PROCESSES", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def needs(params: Params, *, workers: int = 1, hub: tuple[bool, str] = ABSENT) -> dict[str, Finding]:
    plan = plan_study(params, grid(params), workers=workers)
    return by_name(study_findings(Path(), params, plan, hub=hub))


def test_a_machine_says_what_it_has(tmp_path: Path) -> None:
    found = by_name(machine_findings(tmp_path / "not" / "there" / "yet"))
    assert f"free at {tmp_path}" in found["disk of the study"].found
    assert "GiB" in found["memory"].found
    assert {finding.part for finding in found.values()} == {"machine"}
    assert {finding.state for finding in found.values()} <= set(STATES)


def test_a_containers_limit_is_the_memory_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    whole = machine.free_memory()
    assert whole == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5000\n")
    assert machine.free_memory() > 5000
    (tmp_path / "memory.max").write_text(f"{GIB}\n")
    assert machine.free_memory() == GIB - 5000
    assert by_name(machine_findings(tmp_path))["memory"].state == "note"
    (tmp_path / "memory.current").write_text(f"{2 * GIB}\n")
    assert machine.free_memory() == 0


def test_accelerators_are_named_with_their_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Accelerators(built_for="CUDA 13.0", devices=(("NVIDIA H200", 141 * GIB), ("Other", GIB)))
    monkeypatch.setattr(machine, "accelerators", lambda: there)
    found = [f.found for f in machine_findings(Path()) if f.name == "accelerators"]
    assert found == [
        "NVIDIA H200, 141 GiB, preset h200", "Other, 1.00 GiB, no preset of planning/hardware",
    ]  # fmt: skip


def test_a_driver_whose_devices_torch_does_not_see_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if accelerators().devices:
        pytest.skip("torch sees this machine's accelerators")
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 580.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = by_name(machine_findings(tmp_path))["accelerators"]
    assert (found.state, found.found) == (
        "note", "NVIDIA H200, driver 580.1; torch, built for the CPU alone, sees none",
    )  # fmt: skip
    assert "make install TORCH=auto" in found.advice
    program.write_text("#!/bin/sh\nexit 9\n")
    assert "does not answer" in by_name(machine_findings(tmp_path))["accelerators"].found


def test_another_version_than_the_pinned_one_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_name(software_findings())
    assert found["torch"].found == metadata.version("torch")
    assert {f.state for f in found.values()} == {"ok"}
    known = metadata.version

    def version(name: str) -> str:
        if name == "mlflow":
            return "2.0"
        if name == "dvc":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(software.metadata, "version", version)
    found = by_name(software_findings())
    assert (found["mlflow"].state, found["mlflow"].found) == ("lacking", "2.0")
    assert "==3.17.2" in found["mlflow"].advice
    assert (found["dvc"].state, found["dvc"].found) == ("lacking", "not installed")
    assert found["torch"].state == "ok"


def test_without_git_something_lacks_and_without_docker_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name(software_findings())
    assert found["git"].state == "lacking"
    assert found["Docker"].state == "ok"
    assert found["Docker"].advice


class _Hub(BaseHTTPRequestHandler):
    code = 200

    def do_HEAD(self) -> None:
        self.send_response(self.code)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("code", "there"), [(200, True), (401, True), (503, False)])
def test_a_hub_that_answers(code: int, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(_Hub, "code", code)
    with HTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert network.hub_answers() == (there, f"answers (HTTP {code})")
        server.shutdown()


def test_a_hub_that_does_not(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    there, said = network.hub_answers()
    assert not there
    assert "Connection refused" in said
    found = by_name(network_findings((there, said)))
    assert found["model hub"].state == "note"
    assert found["hub token"].found == "there is one"
    assert not [f for f in found.values() if "hf_secret" in f"{f}"]
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    assert network.hub_answers() == (False, "HF_ENDPOINT is no web address")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert network.hub_answers() == (False, "HF_HUB_OFFLINE is set")


@needs_toys
def test_a_study_that_fits_lacks_nothing(checkout: Path, study: Callable[..., Params]) -> None:
    found = needs(study())
    assert {f.state for f in found.values()} == {"ok"}
    assert found["data"].found == "made here (lab)"
    assert found["MLflow store"].found == f"file {checkout / 'mlflow.db'}"


@needs_toys
def test_a_model_too_large_lacks_memory_and_disk(checkout: Path, study: Callable[..., Params]) -> None:
    found = needs(study(models={"huge": HUGE}), workers=2)
    assert found["memory"].state == "lacking"
    assert "TiB at the peak of 2 workers" in found["memory"].found
    assert found["disk"].state == "lacking"
    assert "set train.keep to none" in found["disk"].advice
    unkept = needs(study(models={"huge": HUGE}, train={"keep": "none"}))
    assert "train.keep" not in unkept["disk"].advice


@needs_toys
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


@needs_toys
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
    assert found["MLflow store"].state == "lacking"
    assert "cannot be reached" in found["MLflow store"].advice
    assert "hidden" not in f"{found['MLflow store']}"
    monkeypatch.setenv("XLGAP_DATA", str(checkout))
    assert needs(params)["data"].found == f"release files at {checkout}"


@needs_toys
def test_bf16_on_a_cpu_is_a_note(checkout: Path, study: Callable[..., Params]) -> None:
    if accelerators().devices:
        pytest.skip("this machine has an accelerator")
    assert needs(study(train={"precision": "bf16"}))["precision"].state == "note"


@needs_toys
def test_the_command_ends_with_what_lacks(
    checkout: Path,
    raw_study: Callable[..., dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["doctor", "--json"]) == 0
    parts = {row["part"] for row in json.loads(capsys.readouterr().out)}
    assert parts == {"machine", "software", "network"}
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study()))
    assert main(["doctor"]) == 0
    assert "MLflow store" in capsys.readouterr().out
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study(models={"huge": HUGE})))
    assert main(["doctor", "--workers", "3"]) == 2
    said = capsys.readouterr()
    assert said.err == "error: lacking: memory, disk; see the advice above.\n"
    assert "of 3 workers" in said.out
    assert main(["doctor", "--workers", "0"]) == 2
    assert "--workers: got 0" in capsys.readouterr().err
    assert main(["doctor", "--hardware", "h300"]) == 2
    assert "unknown hardware 'h300'" in capsys.readouterr().err


@needs_toys
def test_a_checkpoint_without_a_commit_says_what_to_give(
    checkout: Path, study: Callable[..., Params]
) -> None:
    found = needs(study(models={"m": {"hub": "google/rembert"}}), hub=(True, "answers"))["model m"]
    assert found.state == "lacking"
    assert "key 'models.m.revision' is missing: the catalogue pins no commit" in found.advice


@needs_toys
def test_the_library_of_few_bits_is_looked_for(
    checkout: Path, study: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = {"hub": "FacebookAI/xlm-roberta-base"}
    assert "bitsandbytes" not in needs(study(models={"m": base}))
    monkeypatch.setattr("xlgap.models.quantised.LIBRARY", "no_such_library")
    found = needs(study(models={"m": {**base, "lora": {"bits": 4}}}))["bitsandbytes"]
    assert (found.state, found.found) == ("lacking", "asked for by m")
    assert "pip install xlgap[quantised]" in found.advice

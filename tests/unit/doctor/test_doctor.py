"""What a machine has, and what the command says of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from xlgap.__main__ import main
from xlgap.doctor import (
    STATES,
    Finding,
    machine,
    machine_findings,
    network,
    network_findings,
    software,
    software_findings,
)
from xlgap.planning.hardware import GIB
from xlgap.training.engine import Accelerators, accelerators

needs_toys = pytest.mark.usefixtures("toy_tasks")


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_machine_says_what_it_has(tmp_path: Path) -> None:
    found = by_name(machine_findings(tmp_path / "not" / "there" / "yet"))
    assert f"free at {tmp_path}" in found["disk of the study"].found
    assert "GiB" in found["memory"].found
    assert {finding.part for finding in found.values()} == {"machine"}
    assert {finding.state for finding in found.values()} <= set(STATES)


def test_little_memory_is_a_note(tmp_path: Path, container: Callable[[int], None]) -> None:
    container(GIB)
    found = by_name(machine_findings(tmp_path))["memory"]
    assert (found.state, found.found) == ("note", "1.00 GiB to be had of 1.00 GiB")


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
    for endpoint in ("http://[::1", "http://a b", "https://", "http://host:port"):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        there, said = network.hub_answers()
        assert not there, endpoint
        assert "no web address" in said or "cannot be reached" in said, endpoint
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    assert network.hub_answers() == (False, "HF_ENDPOINT is no web address")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert network.hub_answers() == (False, "HF_HUB_OFFLINE is set")


@needs_toys
def test_the_machine_is_told_before_what_is_wrong_with_the_study(
    checkout: Path,
    raw_study: Callable[..., dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (checkout / "params.yaml").write_text("study: [")
    assert main(["doctor", "--json"]) == 2
    said = capsys.readouterr()
    assert {row["part"] for row in json.loads(said.out)} == {"machine", "software", "network"}
    assert said.err.startswith("error: params.yaml")
    assert said.err.count("\n") == 1
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study()))
    monkeypatch.setenv("XLGAP_PROCESSES", "many")
    assert main(["doctor"]) == 2
    said = capsys.readouterr()
    assert "processor" in said.out
    assert said.err == "error: XLGAP_PROCESSES: got 'many', allowed is a whole number from 1 to 1024.\n"


@needs_toys
def test_the_plan_is_for_this_machine_and_its_processes(
    checkout: Path,
    raw_study: Callable[..., dict[str, object]],
    container: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if accelerators().devices:
        pytest.skip("this machine has an accelerator")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study()))

    def told(*words: str) -> dict[str, dict[str, str]]:
        main(["doctor", "--json", *words])
        return {row["name"]: row for row in json.loads(capsys.readouterr().out)}

    one = told()
    monkeypatch.setenv("XLGAP_PROCESSES", "4")
    four = told()
    assert one["time"]["found"].endswith("2 workers, each on 1 x cpu")
    assert four["time"]["found"].endswith("2 workers, each on 4 x cpu")
    assert "at the peak of 2 workers of 4 processes each" in four["memory"]["found"]
    assert "8 threads of 2 workers" in four["processes"]["found"]
    container(2 * GIB)
    assert "to be had where there are 2.00 GiB" in told()["memory"]["found"]
    assert told("--workers", "1", "--hardware", "cpu")["memory"]["state"] == "ok"


@needs_toys
def test_the_command_ends_with_what_lacks(
    checkout: Path,
    raw_study: Callable[..., dict[str, object]],
    huge: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["doctor", "--hardware", "foo"]) == 2  # no study is here
    assert "unknown hardware 'foo'" in capsys.readouterr().err
    assert main(["doctor", "--json"]) == 0
    parts = {row["part"] for row in json.loads(capsys.readouterr().out)}
    assert parts == {"machine", "software", "network"}
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study()))
    assert main(["doctor"]) == 0
    assert "MLflow store" in capsys.readouterr().out
    (checkout / "params.yaml").write_text(yaml.safe_dump(raw_study(models={"huge": huge})))
    assert main(["doctor", "--workers", "3"]) == 2
    said = capsys.readouterr()
    assert said.err == "error: lacking: memory, disk; see the advice above.\n"
    assert "of 3 workers" in said.out
    assert main(["doctor", "--workers", "0"]) == 2
    assert "--workers: got 0" in capsys.readouterr().err
    assert main(["doctor", "--hardware", "h300"]) == 2
    assert "unknown hardware 'h300'" in capsys.readouterr().err

"""What a machine has, what a study needs of it, and what is said where it lacks."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

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
from xlgap.machine import room
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
    for name in ("MLFLOW_TRACKING_URI", "XLGAP_DATA", "XLGAP_PROCESSES", "XLGAP_HOSTFILE",
                 "SLURM_JOB_ID", "HF_HUB_OFFLINE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def needs(
    params: Params, *, workers: int = 1, hub: tuple[bool, str] = ABSENT, hardware: str = "cpu"
) -> dict[str, Finding]:
    plan = plan_study(params, grid(params), workers=workers, hardware=hardware)
    return by_name(study_findings(Path(), params, plan, hub=hub))


def test_a_machine_says_what_it_has(tmp_path: Path) -> None:
    found = by_name(machine_findings(tmp_path / "not" / "there" / "yet"))
    assert f"free at {tmp_path}" in found["disk of the study"].found
    assert "GiB" in found["memory"].found
    assert {finding.part for finding in found.values()} == {"machine"}
    assert {finding.state for finding in found.values()} <= set(STATES)


@pytest.fixture
def container(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Limits the memory that is to be had, as a container does."""
    folder = tmp_path_factory.mktemp("cgroup")
    monkeypatch.setattr(room, "CGROUP", folder)
    monkeypatch.setattr(room, "OWN", folder / "own")
    (folder / "memory.current").write_text("0\n")

    def limit(size: int) -> None:
        (folder / "memory.max").write_text(f"{size}\n")

    return limit


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
def test_a_study_that_fits_lacks_nothing(checkout: Path, study: Callable[..., Params]) -> None:
    found = needs(study())
    assert {f.state for f in found.values()} == {"ok", "note"}
    assert [name for name, f in found.items() if f.state == "note"] == ["time"]
    assert "its rows are known once the data are prepared" in found["time"].advice
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


@needs_toys
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


@needs_toys
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


@needs_toys
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


@needs_toys
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


@needs_toys
def test_every_process_takes_memory(checkout: Path, study: Callable[..., Params]) -> None:
    params = study()
    one, many = needs(params)["memory"], needs(params, hardware="1x16xcpu")["memory"]
    assert "at the peak of 1 worker;" in one.found
    assert "at the peak of 1 worker of 16 processes each;" in many.found
    assert one.found.split()[1] == "MiB"
    assert many.found.split()[1] == "GiB"


@needs_toys
def test_devices_are_not_workers(checkout: Path, study: Callable[..., Params]) -> None:
    assert needs(study(), hardware="8xh100", workers=2)["time"].found.endswith(
        "2 workers, each on 8 x h100"
    )
    assert needs(study(), hardware="2x8xh100")["time"].found.endswith("; 16 x h100 in 2 nodes")


@needs_toys
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
    assert said.err == "error: XLGAP_PROCESSES: got 'many', allowed is a whole number from 1.\n"


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
    assert found["MLflow server"].state == "note"  # runs wait for it
    assert "cannot be reached" in found["MLflow server"].found
    assert "hidden" not in f"{found['MLflow server']}"
    assert found["MLflow store"].state == "ok"
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
    assert main(["doctor", "--hardware", "foo"]) == 2  # no study is here
    assert "unknown hardware 'foo'" in capsys.readouterr().err
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

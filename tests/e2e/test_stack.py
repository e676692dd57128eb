"""The stack of docker/compose.yaml: closed to the outside, runs a study, keeps everything when killed.

Needs a Docker engine (DOCKER_HOST) and XLGAP_TEST_CONTAINERS=1; without an engine the tests fail, they
do not skip. XLGAP_TEST_STANDINS names a directory of stand-ins, see tests/containers/override.yaml.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stack import COMPOSE, ONCE, OURS, ROOT, SERVICES, Stack, call, standins

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        os.environ.get("XLGAP_TEST_CONTAINERS") != "1",
        reason="needs a Docker engine: set XLGAP_TEST_CONTAINERS=1 (and DOCKER_HOST)",
    ),
]

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4)"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The whole stack with passwords of its own, which lie where a user's do: in the build context."""
    done = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"no Docker engine answers; start one or set DOCKER_HOST: {done.stderr}")
    secrets = ROOT / "docker" / "secrets-test"
    shutil.rmtree(secrets, ignore_errors=True)
    call(str(ROOT / "docker" / "secrets.sh"), str(secrets))
    folder = standins()
    if folder is not None:
        call("docker", "build", "--quiet", "-t", "xlgap-test/postgres", str(folder / "postgres"))
        call("docker", "build", "--quiet", "-t", "xlgap-test/s3", str(folder / "ceph-rgw"))
    made = Stack(secrets)
    made.compose("down", "--volumes", "--remove-orphans")
    try:
        made.timed("build", "build", "--quiet")
        made.timed("up", "up", "--detach", "--wait", "--wait-timeout", "240")
        yield made
    except AssertionError:
        print(made.compose("ps", "--all", check=False), made.compose("logs", "--tail=40", check=False))
        raise
    finally:
        made.compose("down", "--volumes", "--remove-orphans", check=False)
        shutil.rmtree(secrets)
        print(f"\nseconds: {made.seconds}")


@pytest.fixture(scope="module")
def studied(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study, run through Prefect in the containers; the directory with its report."""
    out = tmp_path_factory.mktemp("reports")
    stack.study(ROOT / "studies" / "tiny.yaml", out)
    return out / "tiny"


@contextmanager
def listener() -> Iterator[int]:
    """A port of this machine, on all its addresses, that takes every connection."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def take() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]


def own_address() -> str:
    """This machine's address, as another machine would reach it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_does_not_start_without_passwords() -> None:
    without = {name: text for name, text in os.environ.items() if name != "XLGAP_SECRETS"}
    command = ["docker", "compose", "--env-file", os.devnull, "-f", str(COMPOSE), "up", "--detach"]
    done = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert (
        "there are no passwords yet, and none by default; write them with 'make secrets'" in done.stderr
    )


def test_passwords_are_their_owners_and_stay(stack: Stack) -> None:
    assert stack.secrets.stat().st_mode & 0o777 == 0o700
    before = {file.name: file.read_text() for file in stack.secrets.iterdir()}
    assert len(set(before.values())) == len(before) == 8
    call(str(ROOT / "docker" / "secrets.sh"), str(stack.secrets))
    assert {file.name: file.read_text() for file in stack.secrets.iterdir()} == before


@pytest.mark.parametrize("service", sorted(SERVICES | ONCE))
def test_has_no_rights_that_it_does_not_need(stack: Stack, service: str) -> None:
    found = stack.container(service)
    host = found["HostConfig"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    if service != "s3" or standins() is None:
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert found["Config"]["User"].split(":")[0] not in {"", "0", "root"}
    if service in OURS:
        labels = found["Config"]["Labels"]
        assert labels["org.opencontainers.image.version"] == "test"
        assert labels["org.opencontainers.image.revision"] == "0" * 40


@pytest.mark.parametrize("service", sorted(SERVICES - {"s3"}))
def test_runs_as_an_ordinary_user_on_a_root_that_is_read_only(stack: Stack, service: str) -> None:
    assert stack.exec(service, "id", "-u").strip() not in {"", "0"}
    if service in OURS:
        assert stack.exec(service, "id", "-u").strip() == "10001"
    said = stack.exec(service, "sh", "-c", "touch /etc/x /usr/x /opt/x", check=False)
    assert said.count("Read-only file system") == 3
    status = stack.exec(service, "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.parametrize("service", ["mlflow", "prefect", "worker"])
def test_reaches_nothing_outside(stack: Stack, service: str) -> None:
    image = stack.container(service)["Image"]
    with listener() as port:
        there = (own_address(), str(port))
        control = ("docker", "run", "--rm", "--entrypoint", "python", image, "-c", CONNECT)
        call(*control, *there)  # from an ordinary network the same connection is made
        for address in (there[0], "198.51.100.1"):
            said = stack.exec(service, "python", "-c", CONNECT, address, str(port), check=False)
            assert "No route to host" in said or "Network is unreachable" in said
    assert "Traceback" not in stack.exec(service, "python", "-c", CONNECT, "mlflow", "5000")
    for name in ("inside", "stores"):
        bridge = call("docker", "network", "inspect", f"{stack.project}_{name}")
        assert json.loads(bridge)[0]["Internal"] is True


def test_studies_reach_no_store(stack: Stack) -> None:
    for name, port in (("postgres", "5432"), ("s3", "9000")):
        networks = stack.container(name)["NetworkSettings"]["Networks"]
        assert set(networks) == {f"{stack.project}_stores"}
        place = (networks[f"{stack.project}_stores"]["IPAddress"], port)
        assert "Traceback" not in stack.exec("mlflow", "python", "-c", CONNECT, *place)
        said = stack.exec("worker", "python", "-c", CONNECT, *place, check=False)
        assert "No route to host" in said or "Network is unreachable" in said or "timed out" in said


def test_publishes_two_ports_on_loopback_alone(stack: Stack) -> None:
    for service in sorted(SERVICES):
        found = stack.container(service)
        published = [p for ports in found["NetworkSettings"]["Ports"].values() for p in ports or []]
        expected = {stack.mlflow_port, stack.prefect_port} if service == "gateway" else set()
        assert {port["HostPort"] for port in published} == expected
        assert {port["HostIp"] for port in published} <= {"127.0.0.1"}
        assert not any(m["Destination"].endswith("docker.sock") for m in found["Mounts"])


def test_asks_for_a_login(stack: Stack) -> None:
    search = {"max_results": 1}
    assert stack.ask("mlflow", "/api/2.0/mlflow/experiments/search", search, login=False) == 401
    assert stack.ask("prefect", "/api/flow_runs/filter", {}, login=False) == 401
    assert "experiments" in stack.ask("mlflow", "/api/2.0/mlflow/experiments/search", search)
    assert isinstance(stack.ask("prefect", "/api/flow_runs/filter", {}), list)


def test_has_no_compiler(stack: Stack) -> None:
    for service in ("mlflow", "prefect", "worker", "gateway"):
        words = "for w in gcc cc g++ c++ clang make ld as; do command -v $w; done; true"
        assert stack.exec(service, "sh", "-c", words).strip() == ""


def test_runs_a_study(stack: Stack, studied: Path) -> None:
    page = (studied / "report" / "index.html").read_text()
    assert "<html" in page[:500].lower()
    assert "COMPLETED" in stack.flow_runs().values()
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in stack.runs().values()]
    assert sum("xlgap.digest" in tag for tag in tags) >= 8  # a run a cell and seed
    assert any(tag.get("xlgap.prefect_flow_run") in stack.flow_runs() for tag in tags)
    assert stack.objects()


def test_killed_services_come_back_with_everything(stack: Stack, studied: Path, tmp_path: Path) -> None:
    before = (set(stack.runs()), stack.flow_runs(), stack.objects())
    for service in ("worker", "mlflow", "prefect", "s3", "postgres"):
        count = stack.container(service)["RestartCount"]
        # everything but the init process, which ends with it: the engine sees a service that died
        stack.exec(service, "sh", "-c", "kill -KILL -1", check=False)
        stack.wait_healthy(service, restarts=count + 1)
    for service in ("mlflow", "prefect", "worker"):
        stack.wait_healthy(service)
    assert (set(stack.runs()), stack.flow_runs(), stack.objects()) == before
    report = (studied / "report" / "index.html").read_bytes()
    stack.study(ROOT / "studies" / "tiny.yaml", tmp_path)
    assert (tmp_path / "tiny" / "report" / "index.html").read_bytes() == report
    assert set(stack.runs()) == before[0], "a study that is complete makes no run"


def test_a_study_goes_on_without_its_server_and_gives_its_slots_back(stack: Stack) -> None:
    known = set(stack.flow_runs())
    study = (ROOT / "studies" / "tiny.yaml").read_text().replace("name: tiny", "name: again")
    stack.exec("worker", "sh", "-c", "cat >studies/again.yaml", input=study)
    words = ("deployment", "run", "study/study", "--param", "study=studies/again.yaml")
    stack.exec("worker", "/opt/xlgap/docker/bin/logins.sh", "prefect", *words)
    (run,) = set(stack.flow_runs()) - known
    wait(stack.slots, "taken slots")
    count = stack.container("prefect")["RestartCount"]
    stack.exec("prefect", "sh", "-c", "kill -KILL -1", check=False)
    stack.wait_healthy("prefect", restarts=count + 1)
    wait(lambda: stack.ask("prefect", "/api/health") is True, "the server behind the gateway")
    ended = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
    wait(lambda: stack.flow_runs()[run] in ended, "the study's end", 400)
    assert stack.flow_runs()[run] == "COMPLETED"
    wait(lambda: stack.slots() == 0, "free slots", 150)


def wait(happened: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Look every second."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(1)


def test_containers_that_are_made_again_find_everything(stack: Stack, studied: Path) -> None:
    before = (set(stack.runs()), stack.flow_runs(), stack.objects())
    stack.compose("down")
    stack.timed("up again", "up", "--detach", "--wait", "--wait-timeout", "240")
    assert (set(stack.runs()), stack.flow_runs(), stack.objects()) == before
    assert "index.html" in stack.exec("worker", "ls", "studies/tiny/report")


def test_no_secret_is_to_be_seen(stack: Stack, studied: Path) -> None:
    words = {file.name: file.read_text() for file in stack.secrets.iterdir()}
    words["prefect_login"] = words["prefect_login"].partition(":")[2]
    places = {"logs": stack.compose("logs", "--no-color")}
    for service in sorted(SERVICES | ONCE):
        found = stack.container(service)
        places[f"inspect {service}"] = json.dumps(found)
        places[f"image {service}"] = call("docker", "inspect", found["Image"])
        places[f"history {service}"] = call("docker", "history", "--no-trunc", found["Image"])
        if service in SERVICES:
            places[f"processes {service}"] = call("docker", "top", found["Id"], "-eo", "pid,args")
    for place, text in places.items():
        assert len(text) > 20, place
        seen = [name for name, word in words.items() if word in text]
        assert not seen, f"{place}: {seen}"
    search = ("docker", "run", "--rm", "-i", "--user", "0", "--network", "none", "--entrypoint", "grep")
    for service in ("worker", "mlflow", "prefect", "gateway"):
        image = stack.container(service)["Image"]
        folders = ("-rlFf", "-", "/opt", "/home", "/etc", "/root", "/tmp", "/var")
        said = call(*search, image, *folders, input="\n".join(words.values()), check=False)
        assert said.strip() == "", f"{service}: {said}"
    control = call(*search, image, "-rlFf", "-", "/etc", input="root:x:0", check=False)
    assert "/etc/passwd" in control


def test_images_are_small(stack: Stack) -> None:
    def size(image: str) -> int:
        return int(call("docker", "image", "inspect", "--format", "{{.Size}}", image))

    python = size(os.environ.get("XLGAP_PYTHON_IMAGE", "python:3.11-slim-bookworm"))
    debian = size(os.environ.get("XLGAP_DEBIAN_IMAGE", "debian:bookworm-slim"))
    limits = {"worker": (1.9e9, python), "mlflow": (0.8e9, python), "prefect": (0.3e9, python)}
    limits["gateway"] = (0.03e9, debian)
    sizes = {name: size(stack.container(name)["Image"]) - base for name, (_, base) in limits.items()}
    print(f"\nbytes above their base: {sizes}")
    assert all(0 < sizes[name] < limit for name, (limit, _) in limits.items()), sizes

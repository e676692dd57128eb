"""The CPU image builds from the unmodified Dockerfile and runs a study as an ordinary user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from checkout import STUDY
from stack import wheels

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = "/opt/xlgap/docker/bin/checkout.sh"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        os.environ.get("XLGAP_TEST_CONTAINERS") != "1",
        reason="needs a Docker engine: set XLGAP_TEST_CONTAINERS=1 (and DOCKER_HOST)",
    ),
]


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, (
        f"docker {words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    return done


@pytest.fixture(scope="module")
def image() -> str:
    """The image; torch comes from the directory that pip is configured with, where there is one."""
    file = str(ROOT / "docker" / "cpu.Dockerfile")
    options = ("--build-arg", f"WHEELS={wheels()}", "--build-arg", "VERSION=test")
    options += ("--build-arg", f"REVISION={'0' * 40}")
    docker("build", "--quiet", "-f", file, "-t", "xlgap-test:cpu", *options, str(ROOT))
    return "xlgap-test:cpu"


@pytest.fixture
def volume() -> Iterator[str]:
    """A volume that nothing is in."""
    name = docker("volume", "create").stdout.strip()
    yield name
    docker("volume", "rm", "--force", name)


@pytest.fixture
def container(image: str, volume: str, tmp_path: Path) -> Iterator[str]:
    """A container with a tiny study on a root that is read-only; it was not started yet."""
    small = {**STUDY, "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]}}
    small["arms"] = {name: STUDY["arms"][name] for name in ("direct_en", "direct_de")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(small, sort_keys=False))
    (tmp_path / "params.yaml").chmod(0o644)
    name = "xlgap-test-study"
    mounts = ("-v", f"{volume}:/xlgap", "-v", f"{tmp_path / 'params.yaml'}:/xlgap/params.yaml:ro")
    mounts += ("--tmpfs", "/tmp", "--tmpfs", "/home/xlgap:uid=10001,gid=10001")
    security = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
    docker("rm", "--force", name, check=False)
    docker("create", "--init", "--read-only", "--name", name, *mounts, *security, image)
    yield name
    docker("rm", "--force", name)


def test_runs_a_study_and_then_has_nothing_to_do(container: str, tmp_path: Path) -> None:
    docker("start", "--attach", container)
    docker("cp", f"{container}:/xlgap/report", str(tmp_path / "report"))
    assert "<html" in (tmp_path / "report" / "index.html").read_text()[:500].lower()
    again = docker("start", "--attach", container)
    assert ", 0 run, 0 failed" in again.stdout + again.stderr


def test_runs_as_an_ordinary_user(image: str) -> None:
    assert docker("run", "--rm", "--entrypoint", "id", image, "-u").stdout.strip() == "10001"


def test_says_which_volume_it_cannot_write_to(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = docker("run", "--rm", "-v", f"{tmp_path}:/xlgap", image, "tasks", check=False)
    assert done.returncode == 2
    said = "xlgap: user 10001 cannot write to /xlgap; mount a volume there that belongs to it."
    assert done.stderr.strip() == said


def test_newer_sources_take_the_place_of_those_in_a_volume(image: str, volume: str) -> None:
    def run(words: str) -> str:
        mount = ("--rm", "-v", f"{volume}:/xlgap", "--entrypoint", CHECKOUT, image)
        return docker("run", *mount, "sh", "-c", words).stdout.strip()

    run("echo old >.image; echo '# old' >>src/xlgap/cell.py; touch src/xlgap/gone.py; echo 1 >dvc.lock")
    run(
        "echo 2 >params.yaml; echo 3 >studies/tiny.yaml; echo old >.image"
    )  # sources are laid anew here
    assert run("cat dvc.lock params.yaml studies/tiny.yaml").split() == ["1", "2", "3"]
    for folder in ("src", "flows"):
        assert run(f"diff -r -x __pycache__ /opt/xlgap/{folder} {folder} && echo same") == "same"

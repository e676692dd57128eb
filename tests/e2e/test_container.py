"""The CPU image builds from the unmodified Dockerfile and runs a study as an ordinary user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from checkout import STUDY

ROOT = Path(__file__).resolve().parents[2]

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
    options: list[str] = []
    wheels = Path(os.environ.get("PIP_FIND_LINKS") or os.devnull)
    if list(wheels.glob("torch-*.whl")):
        archive = subprocess.Popen(["tar", "-c", "-C", str(wheels), "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "-", "xlgap-test-wheels"], stdin=archive.stdout, check=True)
        options = ["--build-arg", "WHEELS=xlgap-test-wheels"]
    file = str(ROOT / "docker" / "cpu.Dockerfile")
    docker("build", "--quiet", "-f", file, "-t", "xlgap-test:cpu", *options, str(ROOT))
    return "xlgap-test:cpu"


@pytest.fixture
def container(image: str, tmp_path: Path) -> Iterator[str]:
    """A container with a tiny study, run once."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    (tmp_path / "params.yaml").chmod(0o644)
    name = "xlgap-test-study"
    mount = f"{tmp_path / 'params.yaml'}:/xlgap/params.yaml:ro"
    security = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
    docker("rm", "--force", name, check=False)
    docker("create", "--init", "--name", name, "-v", mount, *security, image)
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

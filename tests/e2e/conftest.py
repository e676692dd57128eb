"""One tiny study, run once through the flow, and one of which nothing ran; tests work on copies."""

import pytest
from checkout import STUDY, Checkout
from faults import Server
from filelock import FileLock


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """A checkout whose study is complete and committed; the first test process makes it for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    said = folder / "said.txt"
    with FileLock(f"{folder}.lock"):
        if not said.is_file():
            made = Checkout.make(folder / "checkout", STUDY)
            done = made.xlgap("run", "--workers", "2", timeout=900)
            made.commit("results")
            said.write_text(done.stdout + done.stderr)
    made = Checkout(folder / "checkout")
    made.said = said.read_text()
    return made


@pytest.fixture
def study(finished, tmp_path):
    """A copy of it to change."""
    return finished.copy(tmp_path / "checkout")


@pytest.fixture(scope="session")
def light(tmp_path_factory):
    """A checkout in which nothing was computed."""
    return Checkout.make(tmp_path_factory.mktemp("light") / "checkout", STUDY)


@pytest.fixture
def here(light, tmp_path):
    """A copy of it to change."""
    return light.copy(tmp_path / "checkout")


@pytest.fixture(scope="module")
def server():
    """Starts trainings that something happens to, without the seconds that imports take."""
    made = Server()
    yield made
    made.stop()

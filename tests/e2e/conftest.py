"""One tiny study, run once through the flow, and one of which nothing ran; tests work on copies."""

import pytest
from checkout import STUDY, Checkout


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A checkout whose study is complete and committed."""
    made = Checkout.make(tmp_path_factory.mktemp("study") / "checkout", STUDY)
    said = made.xlgap("run", "--workers", "2", timeout=900)
    made.said = said.stdout + said.stderr
    made.commit("results")
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

"""One tiny study, run once through the flow; tests that change it work on copies."""

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

"""A dual encoder on one and on two processes: the loss is over what stands in one micro-batch."""

import pytest
from ranks import found_by

pytestmark = pytest.mark.e2e


def train(folder, stage, processes):
    out = folder / f"{stage}-{processes}.json"
    return found_by("rank_losses.py", out, str(stage), folder / out.stem, ranks=processes)


@pytest.mark.parametrize(("processes", "shares"), [(1, [2, 2, 1]), (2, [2, 2, 1, 0])])
def test_each_process_tells_apart_the_candidates_of_its_own_micro_batches(tmp_path, processes, shares):
    found = train(tmp_path, 0, processes)
    assert found["shares"] == shares
    assert found["losses"][0] == pytest.approx(found["first"], rel=1e-5)
    assert found["losses"][0] > 0
    sharded = train(tmp_path, 3, processes)
    assert sharded["losses"] == pytest.approx(found["losses"], rel=1e-4, abs=1e-5)
    assert sharded["weights"] == pytest.approx(found["weights"], rel=1e-5)

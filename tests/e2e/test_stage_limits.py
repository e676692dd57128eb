"""A stage that takes longer than it may is stopped with all that it started."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy import Toy, wait_dead

from stage import StageFailedError, Stages

pytestmark = pytest.mark.e2e


def test_a_stage_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    toy, name = Toy(tmp_path), "finetune@one-x"
    stages = Stages(toy.folder, limits={name: 6.0})
    try:
        stages.run("prepare@x")  # not named, so not limited
        toy.cell("echo $$ > pid; sh -c 'echo $$ >> pid; sleep 300'; true")
        with pytest.raises(StageFailedError) as caught:
            stages.run(name)
        assert caught.value.reason == "it was stopped after 6 seconds, the most that it may take"
        assert not caught.value.transient
        for pid in (toy.folder / "pid").read_text().split():
            wait_dead(int(pid), 5)
        toy.cell(":")
        assert stages.run(name) < 6  # nothing holds it up
    finally:
        stages.close()
    assert (toy.folder / "one-x.out").read_text() == "x"

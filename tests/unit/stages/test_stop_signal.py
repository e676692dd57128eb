from __future__ import annotations

import os
import signal

import pytest

from xlgap.errors import Interrupted
from xlgap.stages.observe import StopSignal


def test_a_signal_that_came_after_the_last_step_stops_before_the_next_seed() -> None:
    stop = StopSignal()
    stop.check(1)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted, match="stopped before seed 2"):
        stop.check(2)

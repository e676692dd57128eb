"""The windows of a long context: the official ones, and what becomes of them in a short sequence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xlgap.config import Params
from xlgap.models.encode import MAX_QUESTION
from xlgap.stages.recipe import window
from xlgap.tasks import get_task


@pytest.mark.parametrize(("length", "stride"), [(384, 128), (512, 128), (192, 64), (64, 21), (7, 2)])
def test_the_official_stride_shrinks_with_the_sequence(
    length: int, stride: int, study: Callable[..., Params]
) -> None:
    params = study(intermediate={"squad": {"max_length": length}})
    found = window(get_task("squad"), params)
    assert (found.max_length, found.stride) == (length, stride)
    if length >= 64:
        question, special = min(MAX_QUESTION, length // 2), 4  # of XLM-R, the most there are
        assert length - question - special > stride, "windows overlap beside the longest question"

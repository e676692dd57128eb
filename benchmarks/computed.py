"""What an encoder computes, counted where it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def counted(encoder: Any) -> Iterator[Callable[[], int]]:
    """Count the sub-words, padding among them, whose states the encoder's first block computes."""
    seen = 0

    def count(block: nn.Module, given: tuple[Any, ...], states: Any) -> None:
        nonlocal seen
        seen += (states[0] if isinstance(states, tuple) else states).shape[:-1].numel()

    hook = encoder.encoder.layer[0].register_forward_hook(count)
    try:
        yield lambda: seen
    finally:
        hook.remove()

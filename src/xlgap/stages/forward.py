"""Runs to the shared server, with a bar on a terminal."""

from __future__ import annotations

import sys

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def send(store: str, server: str, *, patience: float) -> str:
    """Send what the server lacks; a sentence on what was done.

    Args:
        store: URI of the local store.
        server: URI of the server.
        patience: seconds for which a server that does not answer is asked again.

    Raises:
        ConfigError, XlgapError: see :func:`xlgap.tracking.forward.forward`.
    """
    from rich.console import Console

    from xlgap.tracking.forward import forward

    columns = (TextColumn("runs sent"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as display:
        bar = display.add_task("runs", total=None)

        def advance(done: int, total: int) -> None:
            display.update(bar, completed=done, total=total)

        return forward(store, server, patience=patience, advance=advance)

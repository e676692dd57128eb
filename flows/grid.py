"""Bring a study up to date: ``python flows/grid.py [--workers N] [--directory STUDY]``.

Runs on Prefect's embedded engine, or against a server when PREFECT_API_URL is set. Where DVC finds
nothing to do, it says so within seconds and starts no Prefect at all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import interrupt
from display import Summary, show_summary
from plan import read_plan
from ready import require_graph, require_study
from xlgap.alone import alone
from xlgap.errors import ConfigError, XlgapError

ROOT = Path(__file__).resolve().parents[1]


def grid(
    directory: str | Path = ".",
    workers: int = 2,
    limits: dict[str, int] | None = None,
    preload: Sequence[str] | None = None,
) -> Summary:
    """Bring the study in ``directory`` up to date.

    Args:
        directory: where its ``dvc.yaml`` is.
        workers: stages that run side by side.
        limits: at most so many stages of a resource tag (``train``, ``light``) at once.
        preload: modules for the pre-fork server, None: those that xlgap's stages use.

    Raises:
        XlgapError: no study is there, or its graph is of other parameters or release files; see
            :func:`dispatch.grid_flow`.
    """
    study = Path(directory).resolve()
    require_study(study)
    with alone(study), ExitStack() as stack:
        require_graph(study)
        plan = read_plan(study)
        if not plan.stale:
            summary = Summary(study, workers, up_to_date=set(plan.stages))
            show_summary(summary)
            return summary
        embedded_engine()
        import dispatch
        import engine

        modules = dispatch.PRELOAD if preload is None else preload
        if modules:
            stack.enter_context(dispatch.server(study, modules))
        engine.start_engine()
        stack.enter_context(dispatch.planned(plan))
        return dispatch.grid_flow(str(study), workers=workers, limits=limits, preload=modules)


def embedded_engine() -> None:
    """Settings for Prefect's own temporary server, unless the user has chosen a server or settings."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    if "PREFECT_API_URL" in os.environ or (Path.home() / ".prefect" / "profiles.toml").exists():
        return
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    home = os.environ.setdefault("PREFECT_HOME", str(ROOT / ".xlgap" / "prefect"))
    Path(home).mkdir(parents=True, exist_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="grid.py", description="Bring a study up to date.")
    parser.add_argument("--directory", default=".", help="the study's directory")
    parser.add_argument("--workers", type=int, default=2, help="stages that run side by side")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="TAG=N",
        help="at most N stages of train or light",
    )
    parser.add_argument(
        "--no-prefork", action="store_true", help="start a fresh interpreter for every command"
    )
    arguments = parser.parse_args(argv)
    try:
        if arguments.workers < 1:
            raise ConfigError(f"--workers: got {arguments.workers}, but it must be at least 1.")
        preload = () if arguments.no_prefork else None
        grid(arguments.directory, arguments.workers, _limits(arguments.limit), preload)
    except KeyboardInterrupt:
        print("interrupted: its stages were stopped; run it again to go on.", file=sys.stderr)
        return 130
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _limits(pairs: Sequence[str]) -> dict[str, int]:
    limits = {}
    for pair in pairs:
        tag, _, number = pair.partition("=")
        if tag not in {"train", "light"} or not number.isdigit() or int(number) < 1:
            raise ConfigError(f"--limit: got {pair!r}; write train=N or light=N with N at least 1.")
        limits[tag] = int(number)
    return limits


if __name__ == "__main__":
    interrupt.listen()
    sys.exit(main())

"""Pictures of the MLflow UI at 500 runs, and whether each view shows what it should.

    python docs/many_views.py [--uri sqlite:///FILE] [--out docs/images]

Fills a store by ``docs/many_runs.py`` unless one is given. Views are those that a study saves: gaps
against size, cells in parallel coordinates, averages by regime; and the page that compares 20 runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from many_runs import EXPERIMENT, SIZES, STUDY, fill
from mlflow.tracking import MlflowClient
from screenshots import (
    CLOSE_ASSISTANT,
    COUNT,
    POINTS,
    ROOT,
    SHOWS,
    Browser,
    browser,
    print_pictures,
    user_interface,
)

from xlgap.errors import XlgapError
from xlgap.tracking.view import CELLS, REGIMES, SIZE, compare_path, view_path

COMPARED = 20
EXPECTED = ("/mlflow/users/current",)  # which a server without logins does not have
PAGE = 100  # runs that the UI loads at first
LINES = "return document.querySelectorAll('canvas.foreground, .parcoords canvas').length"
AXES = "return document.querySelectorAll('.parcoords .dimension').length >= arguments[0]"
BARS = "return document.querySelectorAll('.barlayer .point').length >= arguments[0]"
COLUMNS = """
const rows = [...document.querySelectorAll('tr')].map(row => row.children.length);
return Math.max(0, ...rows) >= arguments[0];
"""


@dataclass(frozen=True)
class Shot:
    """A picture: what it shows, and what a script in the page must return true for before."""

    name: str
    path: str
    waits: tuple[tuple[str, str, tuple[object, ...]], ...]


def shots(uri: str) -> list[Shot]:
    """The views of the store that :func:`many_runs.fill` has filled."""
    client = MlflowClient(uri)
    where = client.get_experiment_by_name(EXPERIMENT).experiment_id
    cells = client.search_runs([where], "tags.`xlgap.kind` = 'cell'", max_results=COMPARED)
    number = len(SIZES)
    return [
        Shot(
            "mlflow-many-gap",
            view_path(where, STUDY),
            (
                ("the models' runs", COUNT, (number, number)),
                ("a point a model", f"{POINTS} >= {number}", ()),
                ("the axis of sizes", SHOWS, (SIZE,)),
            ),
        ),
        Shot(
            "mlflow-many-parallel",
            view_path(where, STUDY, view=CELLS),
            (
                ("the cells' runs", COUNT, (PAGE, sys.maxsize)),
                ("four axes", AXES, (4,)),
                ("their lines", LINES, ()),
                ("the axis of scores", SHOWS, ("accuracy_mean",)),
            ),
        ),
        Shot(
            "mlflow-many-regimes",
            view_path(where, STUDY, view=REGIMES),
            (
                ("the groups", SHOWS, ("intermediate_tgt",)),
                ("a bar a regime", BARS, (5,)),
            ),
        ),
        Shot(
            "mlflow-many-compare",
            compare_path(where, [run.info.run_id for run in cells]),
            (
                ("its title", SHOWS, (f"Comparing {COMPARED} Runs",)),
                ("a column a run", COLUMNS, (COMPARED + 1,)),
            ),
        ),
    ]


def shoot_many(uri: str, out: Path) -> list[Path]:
    """Take the pictures.

    Args:
        uri: a store that :func:`many_runs.fill` has filled.
        out: the folder for them.

    Raises:
        XlgapError: Chromium is missing, a page did not show what it should, or complained of an error.
    """
    pictures = []
    with (
        tempfile.TemporaryDirectory(prefix="xlgap-") as folder,
        user_interface(uri, Path(folder)) as address,
        browser(Path(folder)) as window,
    ):
        for shot in shots(uri):
            pictures.append(out / f"{shot.name}.png")
            _shoot(window, address + shot.path, shot, pictures[-1])
    return pictures


def _shoot(window: Browser, url: str, shot: Shot, picture: Path) -> None:
    window.open("about:blank")  # the next address may differ after its '#' alone
    window.open(url)
    try:
        for what, script, arguments in shot.waits:
            window.wait(f"{what} in {shot.name}", script, *arguments)
    except XlgapError:
        window.shoot(picture.with_suffix(".failed.png"))
        raise
    window.run(CLOSE_ASSISTANT)
    time.sleep(1)  # the charts take the room of the panel that closed
    window.shoot(picture)
    complaints = [said for said in window.complaints() if not any(one in said for one in EXPECTED)]
    if complaints:
        raise XlgapError(f"{shot.name}: the page complains: {complaints[0]}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pictures of the MLflow UI at 500 runs.")
    parser.add_argument("--uri", default=None, help="a store that docs/many_runs.py has filled")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xlgap-") as folder:
        uri = arguments.uri or f"sqlite:///{folder}/mlflow.db"
        if arguments.uri is None:
            fill(uri)
        return print_pictures(lambda: shoot_many(uri, arguments.out))


if __name__ == "__main__":
    sys.exit(main())

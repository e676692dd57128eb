"""What a flow run shows in Prefect's UI: the cells with their MLflow runs, the report, the audit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact

from display import Summary, clock
from xlgap import layout
from xlgap.formats import read_json
from xlgap.mapping import read_mapping
from xlgap.tracking.uri import WEB, kind, server_uri, shown

UI = "XLGAP_MLFLOW_UI"  # where people open MLflow, if not where stages write to
LOCAL_UI = "http://127.0.0.1:5000"  # of `make ui`
MOST_ROWS = 500  # of a table; the report and MLflow have all


def show_cells(directory: Path, summary: Summary) -> None:
    """A table of the study's cells: state, seeds, times, and a link to each seed's MLflow run."""
    cells = read_mapping(directory / layout.GRAPH)["graph"]["finetune"]
    links, note = run_links(directory)
    rows = [
        (
            cell["model"],
            cell["arm"],
            cell["task"],
            _state(f"finetune@{key}", summary),
            " ".join(links.get(key, ())),
        )
        for key, cell in cells.items()
    ]
    table = _table(("model", "arm", "task", "stage", "MLflow runs by seed"), rows)
    told = f"{len(rows)} cells. {_words(summary)} {note}".strip()
    _show("cells", directory, f"{told}\n\n{table}", "Cells of the study")


def show_report(directory: Path) -> None:
    """The report's answers in short, and where the report is; nothing where there is none."""
    folder = directory / layout.REPORT
    if not (folder / "answers.json").is_file():
        return
    answers = read_json(folder / "answers.json")
    rows = [
        (
            str(answer["question"]),
            answer["quantity"],
            _interval(answer),
            str(answer.get("n", "")),
            "yes" if answer["supported"] else "no",
        )
        for answer in answers
        if answer.get("source") == "measured"
    ]
    table = _table(("question", "quantity", "estimate, interval", "models", "supported"), rows)
    page = (folder / "index.html").resolve()
    _show("report", directory, f"[{page}]({page.as_uri()}) on the worker\n\n{table}", "The report")


def show_audit(directory: Path, summary: Summary) -> None:
    """What the suites and the leakage gate found, task by task."""
    rows = []
    for name in sorted({*summary.done, *summary.failed, *summary.blocked, *summary.up_to_date}):
        family, _, task = name.rpartition(":")[2].partition("@")
        if family not in {"validate", "leakage"}:
            continue
        file = directory / (layout.checks(task) if task else layout.LEAKAGE)
        rows.append((name, _state(name, summary), _found(file, name, summary)))
    text = f"{_words(summary)}\n\n{_table(('gate', 'state', 'found'), rows)}"
    _show("audit", directory, text, "Suites and leakage gate")


def run_links(directory: Path) -> tuple[dict[str, list[str]], str]:
    """Of each cell that is done its seeds, as links to their runs in the MLflow UI that people open.

    A run has an id of its own at the shared server, where it is found by its digest; a seed whose run
    is not there has no link.

    Returns:
        The links by cell, and what there is to say of those that are missing.
    """
    command = [sys.executable, "-m", "xlgap", "runs", "--json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    note = done.stderr.strip().rpartition("\n")[2].removeprefix("error: ")
    if done.returncode != 0:
        return {}, f"No links: {note}"
    ui, shared = mlflow_ui()
    links: dict[str, list[str]] = defaultdict(list)
    for row in json.loads(done.stdout):
        run = row["at_server" if shared else "run"]
        links[row["cell"]].append(f"[{row['seed']}]({ui}/#/runs/{run})" if run else str(row["seed"]))
    return links, note


def mlflow_ui() -> tuple[str, bool]:
    """Address of the MLflow UI, without a login, and whether it shows the shared server's runs.

    That is the server, where it has pages, or what ``XLGAP_MLFLOW_UI`` names; else that of ``make ui``,
    which shows the runs of this checkout.
    """
    server, named = server_uri(), os.environ.get(UI)
    if server is not None and (named or kind(server) in WEB):
        return (named or shown(server)).rstrip("/"), True
    return (named or LOCAL_UI).rstrip("/"), False


def _state(name: str, summary: Summary) -> str:
    if name in summary.failed:
        return f"failed: {summary.failed[name].reason}"
    if name in summary.blocked:
        return "not run"
    return f"run, {clock(summary.done[name])}" if name in summary.done else "up to date"


def _found(file: Path, name: str, summary: Summary) -> str:
    if name in summary.failed or name in summary.blocked or not file.is_file():
        return ""
    told: Mapping[str, Any] = read_json(file)
    if "findings" in told:
        bad = [finding["says"] for finding in told["findings"] if not finding["success"]]
        return "; ".join(bad) or f"{told['evaluated']} expectations hold"
    return f"passed: {told.get('passed')}"


def _interval(answer: Mapping[str, Any]) -> str:
    if answer.get("estimate") is None:
        return ""
    text = f"{answer['estimate']:.2f}"
    if answer.get("ci_low") is not None and answer.get("ci_high") is not None:
        text += f" [{answer['ci_low']:.2f}, {answer['ci_high']:.2f}]"
    return text


def _words(summary: Summary) -> str:
    return (
        f"{len(summary.up_to_date)} stages up to date, {len(summary.done)} run, "
        f"{len(summary.failed)} failed, {len(summary.blocked)} not run."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows[:MOST_ROWS])]
    if len(rows) > MOST_ROWS:
        lines.append(f"\n{len(rows) - MOST_ROWS} more rows: the report and MLflow have all.")
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _show(what: str, directory: Path, text: str, description: str) -> None:
    """Keep one artifact under a key of its own for each study, so that its versions are one history."""
    study = read_mapping(directory / layout.PARAMS)["study"]["name"]
    create_markdown_artifact(text, key=f"{what}-{study}".replace("_", "-"), description=description)

"""What ``xlgap tasks``, ``models`` and ``languages`` list, and tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xlgap.tasks.base import Task

if TYPE_CHECKING:
    from xlgap.analysis.claims.verdicts import ClaimVerdict

MODEL_COLUMNS = (
    *("repo", "family", "params_total", "params_nonembedding", "layers", "d_model", "revision"),
)
TASK_COLUMNS = ("name", "role", "kind", "languages", "metric", "recipe", "sources", "licence")
CITATION_COLUMNS = ("name", "licence", "citation")
LANGUAGE_COLUMNS = (
    *("code", "name", "genus", "script", "syntax", "phonology", "inventory", "genetic", "km"),
    "missing",
)
MISSING_FEATURES = (
    "missing: share of English's features of syntax, phonology and inventory that no source has for "
    "the language; distances on observed features alone: --json. No genetic distance: a language "
    "without relatives is in no family of the tree"
)
BENCHMARK_ROLES = ("target", "intermediate")
UNTRAINED = ("retrieve", "mine")  # kinds whose models are compared by their vectors alone


def model_rows() -> list[dict[str, Any]]:
    """The catalogue of checkpoints."""
    from xlgap.models.catalogue import catalogue

    return [asdict(checkpoint) for checkpoint in catalogue()]


def language_rows() -> list[dict[str, Any]]:
    """The 50 languages: every distance from English, and the share of features that are not known."""
    from xlgap.languages import get_language
    from xlgap.published.distances import OBSERVED, load_distances

    return [
        {
            "code": code,
            "name": get_language(code).name,
            "family": get_language(code).family,
            "genus": language.genus,
            "script": language.script,
            "distance": language.values,
            "features": language.features,
            "missing": {family: round(language.missing(family), 4) for family in OBSERVED},
            "cc100_gib": language.cc100_gib,
        }
        for code, language in load_distances().items()
    ]


def language_lines() -> list[dict[str, Any]]:
    """The languages as lines of a table."""
    return [
        {
            **row["distance"],
            **row,
            "km": int(row["distance"]["geographic"]),
            "missing": " ".join(f"{share:.0%}" for share in row["missing"].values()),
        }
        for row in language_rows()
    ]


def of_benchmark(task: Task) -> bool:
    """Whether a task is a target or intermediate one of the benchmark: its data are a release's.

    The lab's are made up, the diagnostic suite has no score in the benchmark, and supplementary ones
    train in target languages.
    """
    return task.role in BENCHMARK_ROLES and set(task.sources) != {"lab"}


def listed_tasks(*, everything: bool) -> tuple[list[Task], int]:
    """The benchmark's tasks, or all that there are: targets first; and how many others there are."""
    from xlgap.tasks import get_task, task_names

    tasks = [get_task(name) for name in task_names()]
    shown = [task for task in tasks if everything or of_benchmark(task)]
    shown.sort(key=lambda t: (not of_benchmark(t), t.role != "target", t.role, t.name))
    return shown, len(tasks) - len(shown)


def task_json(task: Task) -> dict[str, Any]:
    """One task as JSON; ``languages`` are those it is evaluated in, else trained in."""
    from xlgap.evaluation import ledger

    return {
        "name": task.name,
        "role": task.role,
        "kind": task.kind.name,
        "languages": list(task.eval_languages or task.train_languages),
        "train_languages": list(task.train_languages),
        "metric": list(task.metrics),
        "ledger": [
            {k: v for k, v in asdict(line).items() if k != "task"} for line in ledger.lines(task)
        ],
        "recipe": asdict(task.recipe),
        "sources": list(task.sources),
        "licence": task.licence,
        "noncommercial": task.noncommercial,
        "noncommercial_in": list(task.noncommercial_in),
        "citation": task.citation,
    }


def task_text(task: Task) -> dict[str, Any]:
    """One task as a line of a table."""
    from xlgap.evaluation import ledger

    of = f": {', '.join(task.noncommercial_in)}" if task.noncommercial_in else ""
    mark = f" (non-commercial{of})" if task.noncommercial else ""
    rest = task_json(task)
    return {
        **rest,
        "languages": len(rest["languages"]),
        "metric": ledger.summary(task),
        "recipe": recipe_text(task),
        "licence": f"{task.licence}{mark}",
    }


def recipe_text(task: Task) -> str:
    """Whose data, learning rate, epochs, rows in a batch and sub-words, in a few words."""
    recipe, proxy = task.recipe, task.proxy_train
    if proxy is not None and task.kind.name in UNTRAINED:
        return f"none; model tuned on {proxy}; {recipe.max_length} sub-words"
    rate = f"{recipe.learning_rate:.0e}".replace("e-0", "e-")
    rows = f"{recipe.epochs:g} epochs of {recipe.batch_rows} rows"
    before = f"{', '.join(task.preliminary)}, then " if task.preliminary else ""
    on = f"{before}{proxy}: " if proxy is not None else ""
    return f"{on}{rate}, {rows}, {recipe.max_length} sub-words"


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, terminal: bool) -> None:
    """Put ``rows`` on standard output as a table, as wide as a ``terminal`` or 160 characters."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console(width=None if terminal else 160).print(table)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def claim_text(claim: ClaimVerdict) -> str:
    """A claim in four lines: verdict, sentence, why, and what it speaks of."""
    return (
        f"{claim.verdict}: {claim.id}\n"
        f"  {claim.sentence} ({claim.source})\n"
        f"  Why: {claim.reason}\n"
        f"  Judged by: {claim.quantity}; about {claim.about}."
    )

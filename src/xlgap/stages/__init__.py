"""One function a stage of the graph: read, call, write, track."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Sequence
from pathlib import Path

# stage -> module of this package; the function has the stage's name
_MODULES = {
    "prepare": "prepare",
    "validate": "prepare",
    "translate": "translate",
    "leakage": "leakage",
    "corpus": "prepare",
    "index": "prepare",
    "pretrain": "pretrain",
    "warmstart": "warmstart",
    "finetune": "finetune",
    "heldout": "masked",
    "retention": "retention",
    "choose": "choose",
    "score": "score",
    "analyse": "analyse",
    "report": "analyse",
}


_READ_FILES = {"prepare", "corpus", "heldout"}


def run(stage: str, words: Sequence[str]) -> None:
    """Run ``stage`` on the study of the current directory, with its model, arm and task.

    Raises:
        XlgapError: anything that a user can mend.
    """
    from xlgap.graph import require_fresh
    from xlgap.stages.study import Study

    function = getattr(importlib.import_module(f"{__name__}.{_MODULES[stage]}"), stage)
    study = Study.here()
    require_fresh(Path(), study.params, read_files=stage in _READ_FILES)
    function(study, *words)


def report_without(stages: Collection[str]) -> None:
    """Write the partial report of the study of the current directory.

    Args:
        stages: those that failed or could not run, as DVC names them.

    Raises:
        XlgapError: see :func:`run`.
    """
    from xlgap.stages.analyse import partial_report
    from xlgap.stages.study import Study

    partial_report(Study.here(), stages)

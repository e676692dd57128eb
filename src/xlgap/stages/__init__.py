"""One function a stage of the graph: read, call, write, track."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

# stage -> module of this package; the function has the stage's name
_MODULES = {
    "prepare": "prepare",
    "validate": "prepare",
    "corpus": "prepare",
    "index": "prepare",
    "pretrain": "pretrain",
    "warmstart": "warmstart",
    "finetune": "finetune",
    "score": "score",
    "analyse": "analyse",
    "report": "analyse",
}


def run(stage: str, words: Sequence[str], *, partial: bool = False) -> None:
    """Run ``stage`` on the study of the current directory, with its model, arm and task.

    Raises:
        XlgapError: anything that a user can mend.
    """
    from xlgap.stages.study import Study

    function = getattr(importlib.import_module(f"{__name__}.{_MODULES[stage]}"), stage)
    options = {"partial": True} if partial else {}
    function(Study.here(), *words, **options)

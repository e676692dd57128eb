"""What must be so before a study's stages start, whoever starts them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xlgap import layout
from xlgap.errors import ConfigError
from xlgap.graph import checkout_root, require_fresh


def require_study(study: Path) -> None:
    """One sentence on a directory without a study, in which nothing may be made.

    Raises:
        ConfigError: it is none.
    """
    checkout_root(study)
    if not (study / "dvc.yaml").is_file():
        raise ConfigError(f"{study}: there is no study (no dvc.yaml); change --directory.")


def require_graph(study: Path) -> None:
    """One sentence now on a graph of other parameters or files, rather than one in each stage.

    Raises:
        ConfigError, DataError: see :func:`~xlgap.graph.require_fresh`.
    """
    if (study / layout.GRAPH).is_file():
        require_fresh(study, read_files=True)


def put_our_programs_first() -> None:
    """Stages call ``xlgap`` by name: that of this interpreter, whose environment need not be active."""
    ours, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != ours:
        os.environ["PATH"] = os.pathsep.join((ours, path))

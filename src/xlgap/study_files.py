"""Study files, ``studies/NAME.yaml``: laid over ``params.yaml``, and made a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from xlgap import layout
from xlgap.checkout import checkout_root
from xlgap.config import Params, check, overlaid
from xlgap.errors import ConfigError
from xlgap.graph import graph_text, write_graph, write_if_changed
from xlgap.mapping import read_mapping


class StudyFile(NamedTuple):
    """What a study file says.

    Attributes:
        directory: of the study, which need not be there.
        raw: its ``params.yaml``, complete.
        params: the same, checked.
    """

    directory: Path
    raw: dict[str, Any]
    params: Params


def read_study(study: Path) -> StudyFile:
    """Read a study file; nothing is written.

    Raises:
        ConfigError: no such file, its values are wrong, or its name is another study's.
    """
    if study.suffix != ".yaml" or not study.is_file():
        root = checkout_root(Path.cwd())
        known = sorted(p.relative_to(root).as_posix() for p in (root / "studies").glob("*.yaml"))
        what = "a directory, not a study file" if study.is_dir() else "no such study file"
        raise ConfigError(f"{study}: {what}; there are: {', '.join(known) or 'none'}.")
    root = checkout_root(study.parent)
    raw = overlaid(root / layout.PARAMS, study)
    params = check(raw, study)
    _require_own_name(study, params.study.name, root)
    return StudyFile(study.with_suffix(""), raw, params)


def materialise(study: Path, *, patience: float = 0.0) -> Path:
    """Make or refresh the directory of a study file; returns it.

    Args:
        study: the file.
        patience: seconds to wait for the end of a run that is going on, where it would change.

    Raises:
        ConfigError: see :func:`read_study`.
        ResultError: it would change under a run that is going on.
    """
    directory, raw, params = read_study(study)
    if directory.is_file():
        raise ConfigError(f"{directory}: a file, where the study's directory is to be; move it away.")
    graph_text(params, directory)  # what is wrong is told before anything is written
    directory.mkdir(exist_ok=True)
    note = f"# Written by 'make graph' from the checkout's params.yaml and {study.name}. Do not edit.\n"
    write_if_changed(
        directory / layout.PARAMS,
        note + yaml.safe_dump(raw, sort_keys=False, width=100, allow_unicode=True),
        patience=patience,
    )
    write_graph(directory, patience=patience)
    return directory


def _require_own_name(study: Path, name: str, root: Path) -> None:
    """Stop where another study has this name, by which MLflow tells studies apart.

    Raises:
        ConfigError: the checkout's ``params.yaml`` or another file of its studies has it.
    """
    for other in (root / layout.PARAMS, *sorted((root / "studies").glob("*.yaml"))):
        if other.resolve() == study.resolve():
            continue
        try:
            section = read_mapping(other).get("study")
        except ConfigError:  # it is no study as it is: its own commands say what is wrong with it
            continue
        if isinstance(section, Mapping) and section.get("name") == name:
            raise ConfigError(
                f"{study}: key 'study.name': must be a name of its own, but {other} has {name!r}, too; "
                "runs of one would take the place of the other's in MLflow."
            )

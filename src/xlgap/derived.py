"""Studies that are made of another one by choosing from it: some models, arms, tasks; other seeds.

What is chosen becomes a study file of its own, ``studies/NAME_DIGEST.yaml``, with a directory of its
own: the study that it is made of is left as it is. The same choice is the same file, so that a run of
it goes on where the one before it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from xlgap import layout
from xlgap.checkout import checkout_root
from xlgap.config import Params, check, overlaid
from xlgap.errors import ConfigError, unknown
from xlgap.formats import write_text
from xlgap.graph import graph_text, write_graph
from xlgap.mapping import read_mapping
from xlgap.study_files import materialise, read_study

STUDIES = Path("studies")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is taken of a study; None: all of it.

    Attributes:
        models, arms, tasks: names of its ``params.yaml``.
        regimes: arms of these alone.
        seeds: in place of its seeds.
    """

    models: tuple[str, ...] | None = None
    regimes: tuple[str, ...] | None = None
    arms: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out or replaced."""
        return all(value is None for value in asdict(self).values())


def study_directory(named: str, choice: Choice, *, start: Path, patience: float = 0.0) -> Path:
    """The directory of a study, or of what is chosen of it, made or refreshed.

    Everything is checked before anything is written.

    Args:
        named: ``params.yaml``, a study file, or a directory of either, relative to the checkout.
        choice: what of it.
        start: where in the checkout.
        patience: seconds to wait for the end of a run that is going on, where it would change.

    Raises:
        ConfigError: no such study; a value that is wrong; nothing is left to compute.
        UnknownNameError: a name that the study does not have.
        ResultError: it would change under a run that is going on.
    """
    root = checkout_root(start)
    file = _study_file(named, root)
    if file == root / layout.PARAMS:
        params = check(read_mapping(file), file)
        if choice.is_all:
            write_graph(root, patience=patience)  # after release files have changed
            return root
    else:
        params = read_study(file).params
        if choice.is_all:
            return materialise(file, patience=patience)
    return materialise(_written(file, params, choice, root), patience=patience)


def _study_file(named: str, root: Path) -> Path:
    """The file that a study is read from.

    Raises:
        ConfigError: there is none.
    """
    path = (root / named).resolve()
    if path == root.resolve() or path == (root / layout.PARAMS).resolve():
        return root / layout.PARAMS
    file = path if path.suffix == ".yaml" else path.with_suffix(".yaml")
    if file.is_file() and file.is_relative_to(root.resolve()):
        return file
    known = sorted(p.relative_to(root).as_posix() for p in (root / STUDIES).glob("*.yaml"))
    raise ConfigError(
        f"study {named!r}: no such study file in the checkout; allowed: "
        f"{', '.join([layout.PARAMS.as_posix(), *known])}."
    )


def _written(file: Path, params: Params, choice: Choice, root: Path) -> Path:
    """The study file of what is chosen, checked, then written unless it is there."""
    params_file = root / layout.PARAMS
    own = {} if file == params_file else read_mapping(file)
    raw = overlaid(params_file, file) if own else read_mapping(params_file)
    chosen = _sections(raw, params, choice)
    told = json.dumps([params.study.name, asdict(choice)], sort_keys=True)
    name = f"{params.study.name}_{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    chosen["study"] = {**own.get("study", {}), **chosen.get("study", {}), "name": name}
    over = {**own, **chosen}
    merged = {**raw, **chosen, "study": {**raw["study"], **chosen["study"]}}
    path = root / STUDIES / f"{name}.yaml"
    graph_text(check(merged, path), path.with_suffix(""))
    words = ", ".join(f"{key} {list(value)}" for key, value in asdict(choice).items() if value)
    note = (
        f"# Chosen of {file.relative_to(root)}: {words}. Written by a run of the study's deployment.\n"
    )
    text = note + yaml.safe_dump(over, sort_keys=False, width=100, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf8") != text:
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)
    return path


def _sections(raw: Mapping[str, Any], params: Params, choice: Choice) -> dict[str, Any]:
    """The sections of a study file that the choice replaces."""
    found: dict[str, Any] = {}
    if choice.models is not None:
        found["models"] = _of(raw["models"], choice.models, "model")
    if choice.arms is not None or choice.regimes is not None:
        arms = _of(raw["arms"], choice.arms, "arm") if choice.arms is not None else dict(raw["arms"])
        if choice.regimes is not None:
            _each_known(choice.regimes, {arm.regime for arm in params.arms.values()}, "regime")
            arms = {name: arm for name, arm in arms.items() if arm["regime"] in choice.regimes}
        if not arms:
            raise ConfigError(
                f"arms {list(choice.arms or ())}: none is of the regimes {list(choice.regimes or ())}; "
                "choose arms of these regimes, or leave one of the two out."
            )
        found["arms"] = arms
    if choice.tasks is not None:
        found["tasks"] = _of(raw["tasks"], choice.tasks, "task")
    if choice.seeds is not None:
        found["study"] = {"seeds": list(choice.seeds)}
    return found


def _of(section: Mapping[str, Any], names: Iterable[str], what: str) -> dict[str, Any]:
    _each_known(names, section, what)
    return {name: entry for name, entry in section.items() if name in set(names)}


def _each_known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    if not list(names):
        raise ConfigError(f"{what}s: got none; name at least one, or leave it out to take all.")
    for name in names:
        if name not in known:
            raise unknown(f"{what} of the study", name, known)

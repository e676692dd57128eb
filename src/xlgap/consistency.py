"""What ``params.yaml`` says must fit what languages and tasks are.

The checks of :func:`xlgap.cell.grid`. Each names the key, what was got, what is allowed and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from xlgap.config import HubModel, Params
from xlgap.errors import ConfigError, UnknownNameError, suggestion
from xlgap.lab.cldr import supported
from xlgap.languages import get_language
from xlgap.models.catalogue import find_checkpoint
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Retrieve, Task


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Have errors about unknown names in a ``with`` block name the key that holds them."""
    try:
        yield
    except UnknownNameError as error:
        raise UnknownNameError(f"key '{name}': {error}") from None


def check_languages(params: Params) -> None:
    """Languages must exist, and the lab must have text in those of pretraining.

    Raises:
        ConfigError, UnknownNameError: what is wrong.
    """
    for key, codes in params.languages:
        with naming(f"languages.{key}"):
            for code in codes:
                get_language(code)
    lacking = [c for c in params.languages.pretraining if c not in supported()]
    if params.study.source == "lab" and lacking:
        raise ConfigError(
            f"key 'languages.pretraining': the lab has no text in {', '.join(lacking)}: CLDR as Babel "
            "carries it has no data of its own for it; remove it."
        )


def check_evaluation(targets: Sequence[Task], params: Params) -> None:
    """Each language must have a task that is scored in it, each task a language, and English one.

    Raises:
        ConfigError: what is wrong.
    """
    key, codes = "key 'languages.evaluation'", params.languages.evaluation
    scored = {code for task in targets for code in task.eval_languages}
    for code in codes:
        if code not in scored:
            others = [
                name
                for name in task_names()
                if code in get_task(name).eval_languages
                and params.study.source in get_task(name).sources
            ]
            raise ConfigError(
                f"{key}: no task of the study has test data in '{code}'; remove it"
                + (f", or add a task that has: {', '.join(others)}." if others else ".")
            )
    for task in targets:
        if not task.eval_languages:
            raise ConfigError(
                f"key 'tasks.{task.name}': it has no test data in any language; name it under "
                "'intermediate'."
            )
        if not set(codes) & set(task.eval_languages):
            raise ConfigError(
                f"key 'tasks.{task.name}': it has no test data in {', '.join(codes)}; remove it, or "
                f"add to 'languages.evaluation' some of: {', '.join(task.eval_languages)}."
            )
    if "en" in scored and "en" not in codes:
        raise ConfigError(
            f"{key}: English is missing, which gaps are measured against; add en to {list(codes)}."
        )


def check_sweep(targets: Sequence[Task], params: Params) -> None:
    """A language that vectors are chosen on must be scored, so that its test rows are prepared.

    Raises:
        ConfigError, UnknownNameError: what is wrong.
    """
    key = "key 'evaluation.sweep_languages'"
    found = [task for task in targets if isinstance(task.kind, Retrieve)]
    for code in params.evaluation.sweep_languages:
        with naming("evaluation.sweep_languages"):
            get_language(code)
        if code not in params.languages.evaluation:
            raise ConfigError(
                f"{key}: '{code}' is not in 'languages.evaluation', "
                f"{list(params.languages.evaluation)}; add it there, or remove it here."
            )
        if not any(code in task.eval_languages for task in found):
            raise ConfigError(
                f"{key}: no retrieval task of the study has test data in '{code}'; remove it"
                + (f", or name one of: {', '.join(found[0].eval_languages)}." if found else ".")
            )


def check_blocks(params: Params) -> None:
    """The block that a checkpoint names for retrieval must be one of those in the catalogue.

    Raises:
        ConfigError: it has fewer.
    """
    for name, model in params.models.items():
        known = find_checkpoint(model.hub) if isinstance(model, HubModel) else None
        if known is not None and (model.retrieval_layer or 0) > known.layers:
            raise ConfigError(
                f"key 'models.{name}.retrieval_layer': must not pass the model's blocks, "
                f"{known.layers}; got {model.retrieval_layer}."
            )


def check_scales(params: Params) -> None:
    """A task that a model's fine-tuning rate is scaled on must be one that has a recipe of its own.

    Raises:
        ConfigError, UnknownNameError: there is no such task, or its proxy is what is trained on.
    """
    for model, entry in params.models.items():
        for name in entry.finetune_scale if isinstance(entry.finetune_scale, dict) else ():
            key = f"models.{model}.finetune_scale.{name}"
            with naming(key):
                task = get_task(name)
            if task.proxy_train is not None:
                raise ConfigError(
                    f"key '{key}': '{name}' is trained on '{task.proxy_train}', by whose recipe; name "
                    f"'{task.proxy_train}' in its place."
                )


def check_source(task: Task, params: Params) -> None:
    """The study's source must have the task, and the study the task that it is trained on by proxy.

    Raises:
        ConfigError: what is wrong.
    """
    if params.study.source not in task.sources:
        raise ConfigError(
            f"key 'study.source': task '{task.name}' cannot be had from '{params.study.source}'; "
            f"it can from: {', '.join(task.sources)}."
        )
    if task.proxy_train is not None and task.proxy_train not in params.all_tasks:
        raise ConfigError(
            f"key 'tasks.{task.name}': it is trained by proxy on '{task.proxy_train}', which has no "
            f"entry; add '{task.proxy_train}: {{}}' under 'tasks' or 'intermediate'."
        )


def check_retention(params: Params) -> None:
    """What ``evaluation.retention`` names must be in the study, and weights must be kept for it.

    Raises:
        ConfigError, UnknownNameError: what is wrong.
    """
    asked = params.evaluation.retention
    if asked is None:
        return
    if params.train.keep != "all":
        raise ConfigError(
            f"key 'evaluation.retention': it scores the weights of earlier phases again, which "
            f"'train.keep: {params.train.keep}' removes; set it to all, or leave retention out."
        )
    earlier = dict.fromkeys(name for arm in params.arms.values() for name in arm.intermediate)
    known: dict[str, Iterable[str]] = {
        "arms": params.arms,
        "targets": params.tasks,
        "tasks": earlier,
        "languages": params.languages.evaluation,
    }
    for key, names in known.items():
        for name in getattr(asked, key) or ():
            if name not in names:
                where = f"evaluation.retention.{key}"
                raise ConfigError(
                    f"key '{where}': '{name}' is none of the study's "
                    f"{'intermediate tasks' if key == 'tasks' else key}; {suggestion(name, names)}"
                )

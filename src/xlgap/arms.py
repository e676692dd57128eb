"""What an arm says must be what its regime needs: tasks, language, and what few regimes have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xlgap.checkout import model_directory
from xlgap.config import HubModel, Params
from xlgap.consistency import naming
from xlgap.errors import ConfigError, unknown
from xlgap.lab.cldr import supported
from xlgap.languages import get_language
from xlgap.models.catalogue import lacks_masked_head
from xlgap.regimes import get_regime, regime_names
from xlgap.regimes.base import ArmSpec, Regime, Translations, trained_on
from xlgap.tasks import get_task
from xlgap.tasks.base import can_translate

_EXAMPLES = {
    "shots": "shots: 10",
    "choices": "choices: [inter_en_a, inter_en_b]",
    "translations": "translations: {file: PATH}",
    "sampling": "sampling: {rule: proportional}",
    "mlm_rate": "mlm_rate: 0.2",
}
"""Fields that arms of one regime alone have, and how each is written."""


def check_own_fields(name: str, spec: ArmSpec, regime: Regime) -> None:
    """An arm has the fields that its regime alone needs, and none that another one does.

    Args:
        name: of the arm.
        spec: what ``params.yaml`` says of it.
        regime: its regime.

    Raises:
        ConfigError: one is missing, or there to no effect.
    """
    for field, example in _EXAMPLES.items():
        given = getattr(spec, field) not in (None, ())
        if given and field not in regime.takes:
            owner = next(r for r in regime_names() if field in get_regime(r).takes)
            raise ConfigError(
                f"key 'arms.{name}.{field}': regime '{regime.name}' has no such thing; remove it, or "
                f"use regime '{owner}'."
            )
        if not given and field in regime.needs:
            raise ConfigError(
                f"key 'arms.{name}': regime '{regime.name}' needs '{field}', for example '{example}'."
            )


def check_arm(name: str, spec: ArmSpec, params: Params) -> None:
    """An arm must give what its regime needs, and nothing that it has no use for.

    Raises:
        ConfigError, UnknownNameError: what is wrong.
    """
    with naming(f"arms.{name}.regime"):
        regime = get_regime(spec.regime)
    key = f"key 'arms.{name}'"
    if spec.language is not None:
        with naming(f"arms.{name}.language"):
            get_language(spec.language)
    if regime.needs_language and spec.language in (None, "en"):
        raise ConfigError(
            f"{key}: regime '{regime.name}' needs 'language', a target language other than en; "
            f"got {spec.language!r}."
        )
    if not regime.needs_language and spec.language is not None:
        raise ConfigError(
            f"{key}: regime '{regime.name}' trains in English and takes no 'language', "
            f"got {spec.language!r}; remove it or use a target-language regime."
        )
    if regime.needs_intermediate and not spec.intermediate:
        raise ConfigError(f"{key}: regime '{regime.name}' needs 'intermediate', a list of tasks.")
    if not (regime.needs_intermediate or regime.may_have_intermediate) and spec.intermediate:
        raise ConfigError(
            f"{key}: regime '{regime.name}' has no intermediate stage, got {list(spec.intermediate)}."
        )
    if regime.needs_intermediate and len(spec.intermediate) < regime.fewest:
        raise ConfigError(
            f"{key}: regime '{regime.name}' needs {regime.fewest} intermediate tasks at least, got "
            f"{list(spec.intermediate)}; add one, or use 'intermediate_en'."
        )
    check_own_fields(name, spec, regime)
    if spec.budget is not None and not regime.trains:
        raise ConfigError(f"{key}: regime '{regime.name}' trains nothing, so it takes no 'budget'.")
    _check_budget(name, spec, regime)
    for task in spec.intermediate:
        with naming(f"arms.{name}.intermediate"):
            get_task(task)
        if task not in params.all_tasks:
            raise ConfigError(
                f"{key}: intermediate task '{task}' has no entry under 'intermediate' or 'tasks'; "
                f"add one, for example '{task}: {{}}'."
            )
    if spec.translations is not None:
        _check_source(key.rstrip("'"), spec, params)
    if spec.mlm_rate is not None:
        _check_text(key, params)
    if spec.shots is not None:
        _check_shots(name, spec.shots, str(spec.language), params)
    if not regime.eval_languages(spec, params.languages.evaluation):
        raise ConfigError(
            f"{key}: it is scored in '{spec.language}' alone, which 'languages.evaluation' lacks; add "
            f"{spec.language} to {list(params.languages.evaluation)}."
        )


def _check_shots(name: str, shots: int, language: str, params: Params) -> None:
    """Some target task has so many training rows, where the study limits those of each."""
    trained = {
        trained_on(task) for task in map(get_task, params.tasks) if language in task.eval_languages
    }
    limits = {
        task: params.task(task).train_rows
        for task in sorted(trained & {*params.all_tasks})
        if language in get_task(task).train_languages
    }
    known = [rows for rows in limits.values() if rows is not None]
    if limits and len(known) == len(limits) and max(known) < shots:
        raise ConfigError(
            f"key 'arms.{name}.shots': got {shots}, but no task has more than {max(known)} training "
            f"rows by its 'train_rows' ({', '.join(limits)}); lower it, or raise those."
        )


def _check_budget(name: str, spec: ArmSpec, regime: Regime) -> None:
    """Each phase that shares a budget has one step or sub-word of it at least."""
    if spec.budget is None:
        return
    unit = "tokens" if spec.budget.steps is None else "steps"
    amount, phases = getattr(spec.budget, unit), len(regime.warm_phases(spec))
    if amount < phases:
        raise ConfigError(
            f"key 'arms.{name}.budget.{unit}': {phases} intermediate tasks, one after another, cannot "
            f"share {amount}; give {phases} at least."
        )


def _check_text(key: str, params: Params) -> None:
    """Masked language modelling needs text, and models that it can go on with."""
    if params.study.source == "hub":
        raise ConfigError(
            f"{key}: 'mlm_rate' needs pretraining text, which 'study.source: hub' has not; use "
            "'release' or 'lab', or remove the arm."
        )
    if not params.languages.pretraining:
        raise ConfigError(
            f"{key}: 'mlm_rate' needs pretraining text, and 'languages.pretraining' names no language; "
            "name at least one."
        )
    for name, model in params.models.items():
        reason = lacks_masked_head(model.hub) if isinstance(model, HubModel) else None
        if isinstance(model, HubModel) and reason is not None:
            raise ConfigError(
                f"{key}: 'mlm_rate' mixes masked language modelling into the training of every model, "
                f"and 'models.{name}', {model.hub}, {reason}; remove the arm, or put the model into a "
                "study without it."
            )


def check_choices(specs: Mapping[str, ArmSpec]) -> None:
    """What a best-of arm chooses from: two arms or more with one English intermediate task each.

    They must be alike in all else, for a best one of unequal arms could be best by what differs.

    Args:
        specs: all arms of the study.

    Raises:
        ConfigError: they are other arms, too few, or unlike.
        UnknownNameError: the study has no such arm.
    """
    for name, spec in specs.items():
        key = f"arms.{name}.choices"
        for choice in spec.choices:
            if choice not in specs:
                raise type(error := unknown("arm", choice, specs))(f"key '{key}': {error}")
        chosen = {choice: specs[choice] for choice in spec.choices}
        wrong = [c for c, of in chosen.items() if not _single(of)]
        if wrong:
            raise ConfigError(
                f"key '{key}': '{wrong[0]}' is no arm of regime 'intermediate_en' with one "
                "intermediate task; a best-of arm chooses the best single task: name such arms alone."
            )
        if len(chosen) == 1:
            raise ConfigError(f"key '{key}': got {list(chosen)}, but a choice takes two arms or more.")
        unlike = [c for c, of in chosen.items() if not _alike(of, spec, chosen)]
        if unlike:
            raise ConfigError(
                f"key '{key}': '{unlike[0]}' differs from '{name}' or its other choices in more than "
                "its intermediate task; give them all the same 'preliminary' and 'budget'."
            )


def _single(spec: ArmSpec) -> bool:
    return spec.regime == "intermediate_en" and len(spec.intermediate) == 1


def _alike(spec: ArmSpec, best_of: ArmSpec, others: Mapping[str, ArmSpec]) -> bool:
    """Whether an arm has but for its intermediate task what the others have, and the best-of arm."""
    plain = replace(spec, intermediate=())
    return all(replace(other, intermediate=()) == plain for other in others.values()) and plain == (
        replace(best_of, regime=spec.regime, choices=())
    )


def check_translations(specs: Mapping[str, ArmSpec]) -> None:
    """A task has one translation into a language, and a file the translations of one task into one.

    Raises:
        ConfigError: two arms say otherwise.
    """
    _check_files(specs)
    for name, spec in specs.items():
        for other, of in specs.items():
            shared = {*spec.intermediate} & {*of.intermediate}
            alike = None in (spec.translations, of.translations) or spec.translations == of.translations
            if shared and spec.language == of.language and not alike:
                raise ConfigError(
                    f"key 'arms.{other}.translations': '{min(shared)}' in '{of.language}' is another "
                    f"translation than in 'arms.{name}'; a study has one: give both arms the same."
                )


def _check_files(specs: Mapping[str, ArmSpec]) -> None:
    found: dict[Path, tuple[str, str | None]] = {}
    for name, spec in specs.items():
        if spec.translations is None or spec.translations.file is None:
            continue
        for task in spec.intermediate:
            path = Path(spec.translations.file.format(task=task, language=spec.language))
            task_of, language_of = found.setdefault(path, (task, spec.language))
            if (task_of, language_of) != (task, spec.language):
                raise ConfigError(
                    f"key 'arms.{name}.translations.file': '{path}' would hold '{task_of}' in "
                    f"'{language_of}' and '{task}' in '{spec.language}'; put '{{task}}' and "
                    "'{language}' into its name."
                )


def wanted_translations(specs: Mapping[str, ArmSpec]) -> dict[tuple[str, str], Translations]:
    """By task and language, where the translated training rows come from that arms train on."""
    return {
        (task, spec.language): spec.translations
        for spec in specs.values()
        if spec.translations is not None and spec.language is not None
        for task in spec.intermediate
    }


def _check_source(key: str, spec: ArmSpec, params: Params) -> None:
    """What an arm translates must be texts, and what translates it must be there for the study."""
    given = spec.translations
    assert given is not None
    tagged = [task for task in spec.intermediate if not can_translate(get_task(task).kind)]
    if tagged:
        raise ConfigError(
            f"{key}': rows of '{tagged[0]}' cannot be translated text by text; name tasks that label "
            "or choose texts, or find answers in them."
        )
    if given.lab and params.study.source != "lab":
        raise ConfigError(
            f"{key}.translations': 'lab' knows the lab's phrases alone, and 'study.source' is "
            f"'{params.study.source}'; give 'file' or 'hub'."
        )
    if given.lab and spec.language not in supported():
        raise ConfigError(
            f"{key}.translations': the lab does not speak '{spec.language}'; it does: "
            f"{', '.join(supported())}."
        )
    if given.hub is not None and given.revision is None and model_directory(given.hub) is None:
        raise ConfigError(f"{key}.translations': '{given.hub}' needs 'revision', a full commit hash.")
    if given.file is not None:
        _check_pattern(key, given.file, spec)


def _check_pattern(key: str, pattern: str, spec: ArmSpec) -> None:
    try:
        named = {task: pattern.format(task=task, language=spec.language) for task in spec.intermediate}
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        raise ConfigError(
            f"{key}.translations.file': '{{task}}' and '{{language}}' alone are filled in, got "
            f"{pattern!r}."
        ) from None
    if len({*named.values()}) < len(named):
        raise ConfigError(
            f"{key}.translations.file': one file for {', '.join(named)}; put '{{task}}' into its name."
        )

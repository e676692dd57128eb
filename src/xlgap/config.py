"""``params.yaml`` as frozen, checked values.

The file is read once; an unknown key or a wrong value is a :class:`ConfigError` of one sentence that
names the key, what was got and what is allowed. Nothing else in xlgap reads YAML for its settings.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from xlgap.errors import ConfigError, suggestion

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of ``params.yaml``: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyParams(Section):
    """Which study this is."""

    name: Name
    source: Literal["lab", "release", "hub"] = "lab"
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]


class LanguageParams(Section):
    """``evaluation``: languages scored; ``pretraining``: languages of the MLM corpus."""

    evaluation: Annotated[tuple[str, ...], Field(min_length=1)]
    pretraining: tuple[str, ...] = ()


class ScratchModel(Section):
    """A model of the from-scratch ladder, XLM-RoBERTa architecture."""

    layers: Positive
    width: Positive
    heads: Positive
    feed_forward: Positive
    pretrained: bool = True


class HubModel(Section):
    """A checkpoint of the Hugging Face hub, or a directory of the same layout."""

    hub: str
    revision: str | None = None


class ArmParams(Section):
    """One arm: a regime with its intermediate tasks and training language."""

    regime: str
    intermediate: tuple[str, ...] = ()
    language: str | None = None


class TaskParams(Section):
    """How one task is prepared and trained. Absent training numbers come from the task's recipe."""

    version: Positive = 1
    train_rows: Positive | None = None
    dev_rows: Positive | None = None
    test_rows: Positive | None = None
    learning_rate: Rate | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None
    batch_rows: Positive | None = None
    max_length: Positive | None = None


class PretrainParams(Section):
    """Masked-language-model pretraining of the ladder."""

    version: Positive = 1
    corpus_lines: Positive
    vocabulary: Positive
    tokens: Positive
    sequence_length: Positive
    batch_tokens: Positive
    learning_rate: Rate
    warmup_fraction: Fraction
    mask_fraction: Fraction = 0.15
    weight_decay: float = 0.01
    seed: Count = 0


class TrainParams(Section):
    """Fine-tuning and the engine."""

    version: Positive = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2, 3] = 0
    offload_optimizer: bool = False
    offload_parameters: bool = False
    micro_batch_tokens: Positive = 8192
    learning_rate_scale: Annotated[float, Field(gt=0)] = 1.0
    evaluations: Positive = 4
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 300.0
    threads: Positive = 1
    keep: Literal["all", "none"] = "all"


class EvaluationParams(Section):
    """Prediction."""

    batch_tokens: Positive = 16384
    retrieval_layer: Fraction = 0.6
    pooling: Literal["mean", "cls"] = "mean"


class AnalysisParams(Section):
    """Statistics of the report."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Positive = 2000
    seed: Count = 0


class Params(Section):
    """The whole of ``params.yaml``."""

    study: StudyParams
    languages: LanguageParams
    models: Annotated[dict[Name, ScratchModel | HubModel], Field(min_length=1)]
    arms: Annotated[dict[Name, ArmParams], Field(min_length=1)]
    tasks: Annotated[dict[Name, TaskParams], Field(min_length=1)]
    intermediate: dict[Name, TaskParams] = {}
    pretrain: PretrainParams
    train: TrainParams
    evaluation: EvaluationParams
    analysis: AnalysisParams

    def task(self, name: str) -> TaskParams:
        """The entry of a target or intermediate task."""
        return self.tasks[name] if name in self.tasks else self.intermediate[name]

    @property
    def all_tasks(self) -> tuple[str, ...]:
        """Names of all tasks that are prepared: targets first, then intermediate ones."""
        return (*self.tasks, *(name for name in self.intermediate if name not in self.tasks))


def load_params(path: Path, overlay: Path | None = None) -> Params:
    """Read and check ``path``; keys of a study file ``overlay`` replace its top-level keys.

    Of ``study``, ``languages``, ``pretrain``, ``train``, ``evaluation`` and ``analysis`` a study file
    may give single numbers; its ``models``, ``arms``, ``tasks`` and ``intermediate`` replace the whole
    mapping.

    Raises:
        ConfigError: naming the key, what was got, what is allowed.
    """
    raw = read_mapping(path)
    if overlay is not None:
        raw = merge(raw, read_mapping(overlay), where=overlay)
    return check(raw, overlay or path)


_WHOLE = {"models", "arms", "tasks", "intermediate"}


def merge(base: Mapping[str, Any], over: Mapping[str, Any], *, where: Path) -> dict[str, Any]:
    """``base`` with the keys of ``over`` in their place, see :func:`load_params`."""
    merged = dict(base)
    for key, value in over.items():
        if key in _WHOLE or not isinstance(base.get(key), Mapping):
            merged[key] = value
        elif isinstance(value, Mapping):
            merged[key] = {**base[key], **value}
        else:
            raise ConfigError(f"{where}: '{key}' must be a mapping, got {value!r}.")
    return merged


class _UniqueKeys(yaml.CSafeLoader):
    """Safe YAML in which a key that stands twice in a mapping is an error, not the last one's win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """The YAML mapping in ``path``."""
    try:
        raw = yaml.load(path.read_text(encoding="utf8"), Loader=_UniqueKeys)  # noqa: S506 (is safe)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; run in a study's directory or name a file in studies/."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{at}: not valid YAML ({problem}).") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {type(raw).__name__}.")
    return raw


def check(raw: Mapping[str, Any], where: Path) -> Params:
    """Check a mapping against the schema; one sentence for the first thing that is wrong."""
    try:
        return Params.model_validate(raw)
    except pydantic.ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error, raw)}") from None


def _sentence(error: pydantic.ValidationError, raw: Mapping[str, Any]) -> str:
    """The first problem of a validation error in words."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda p: p["type"] != "extra_forbidden")
    path = [p for p in first["loc"] if not _is_union_tag(p)]
    key = ".".join(str(p) for p in path if p != "[key]")
    if first["type"] == "extra_forbidden":
        section = _section(path[:-1], raw)
        return f"unknown key '{key}'; {suggestion(str(path[-1]), section.model_fields)}"
    if first["type"] == "missing":
        return f"key '{key}' is missing."
    message = first["msg"][0].lower() + first["msg"][1:]
    if "pattern" in message:
        message = "a name may hold only a-z, 0-9 and _"
    return f"key '{key}': got {first['input']!r}, but {message}."


def _is_union_tag(part: int | str) -> bool:
    return isinstance(part, str) and part in {"ScratchModel", "HubModel"}


def _section(path: list[int | str], raw: Mapping[str, Any]) -> type[Section]:
    """The section of the schema at ``path``."""
    section: type[Section] = Params
    value: Any = raw
    for part in path:
        value = value[part]
        annotation = section.model_fields[str(part)].annotation if section is not None else None
        found = _sections(annotation)
        if len(found) > 1:
            continue
        if found and found[0] is not section:
            section = found[0]
            if typing.get_origin(annotation) is dict:
                # the next part is a name of the mapping, not a field
                return section
    return section if section is not Params or not path else _model_section(value)


def _model_section(value: Any) -> type[Section]:
    return HubModel if isinstance(value, Mapping) and "hub" in value else ScratchModel


def _sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [s for a in typing.get_args(annotation) for s in _sections(a)]


def is_name(text: str) -> bool:
    """Whether ``text`` may name a model, an arm or a task."""
    return re.fullmatch(r"[a-z0-9_]+", text) is not None

"""``params.yaml`` as frozen, checked values.

The file is read once; an unknown key or a wrong value is a :class:`ConfigError` of one sentence that
names the key, what was got and what is allowed.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from xlgap.adapter_params import LoraParams
from xlgap.arm_params import ArmParams
from xlgap.errors import ConfigError, suggestion
from xlgap.mapping import read_mapping
from xlgap.retention_params import RetentionParams
from xlgap.section import (
    Commit,
    Count,
    Decay,
    Dropout,
    Fraction,
    Int,
    Name,
    Names,
    Number,
    OpenFraction,
    Positive,
    PositiveFloat,
    Rate,
    Section,
    Seed,
    each_once,
)
from xlgap.train_params import TrainParams
from xlgap.wording import UNKNOWN, requirement, short

_AWAY = frozenset({"cpu", "nvme"})
_SCALE_KINDS = ("[number]", "[by task]")  # names that a problem's path has, and no key
FinetuneScale = Annotated[
    Annotated[PositiveFloat, Tag("[number]")] | Annotated[dict[str, PositiveFloat], Tag("[by task]")],
    Discriminator(lambda value: _SCALE_KINDS[isinstance(value, Mapping)]),
]


class StudyParams(Section):
    """Which study this is."""

    name: Name
    source: Literal["lab", "release", "hub"] = "lab"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(each_once)]


class LanguageParams(Section):
    """``evaluation``: languages scored; ``pretraining``: languages of the MLM corpus."""

    evaluation: Annotated[Names, Field(min_length=1)]
    pretraining: Names = ()


class ScratchModel(Section):
    """A model of the from-scratch ladder, XLM-RoBERTa architecture.

    ``learning_rate`` is the peak rate of pretraining in place of the study's, ``finetune_scale`` a
    factor of fine-tuning rates, which pretraining does not read, see :func:`finetune_factor`;
    ``retrieval_layer`` the block, from 1, that retrieval pools in place of the study's share;
    ``pretrained: false`` makes the untrained twin.
    """

    layers: Positive
    width: Positive
    heads: Positive
    feed_forward: Positive
    dropout: Dropout = 0.0
    learning_rate: Rate | None = None
    finetune_scale: FinetuneScale = 1.0
    retrieval_layer: Positive | None = None
    pretrained: bool = True
    lora: LoraParams | None = None

    @field_validator("retrieval_layer")
    @classmethod
    def _is_a_block(cls, block: int | None, info: ValidationInfo) -> int | None:
        layers = info.data.get("layers")
        if block is not None and layers is not None and block > layers:
            raise ValueError(f"must not pass the model's blocks, {layers}")
        return block

    @field_validator("heads")
    @classmethod
    def _share_the_width(cls, heads: int, info: ValidationInfo) -> int:
        width = info.data.get("width")
        if width is not None and width % heads:
            raise ValueError(f"must divide the width, {width}")
        return heads

    @property
    def pretraining(self) -> dict[str, Any]:
        """What pretraining reads of this entry, defaults filled in."""
        left_out = {"finetune_scale", "retrieval_layer", "lora"}
        return self.model_dump(exclude=left_out, exclude_none=True)


class HubModel(Section):
    """A checkpoint of the Hugging Face hub, or a directory of the same layout.

    Absent, the ``revision`` of a checkpoint is the catalogue's. ``finetune_scale`` is a factor of
    fine-tuning rates, see :func:`finetune_factor`: recipes are those of base models, and published ones
    of large models differ (XNLI and XCOPA 3e-5 in place of 2e-5: ``mnli``, ``socialiqa`` and ``copa``
    1.5; Mewsli-X 1e-5: ``mewslix`` 0.5). ``retrieval_layer`` is the block, from 1, that retrieval pools
    in place of the study's share.
    """

    hub: Annotated[str, Field(min_length=1)]
    revision: Commit | None = None
    finetune_scale: FinetuneScale = 1.0
    retrieval_layer: Positive | None = None
    lora: LoraParams | None = None


_MODEL_KINDS: dict[str, type[Section]] = {"ScratchModel": ScratchModel, "HubModel": HubModel}


def _model_kind(value: Any) -> str:
    """Which kind of model an entry is: the one with ``hub`` is a checkpoint."""
    hub = "hub" in value if isinstance(value, Mapping) else isinstance(value, HubModel)
    return "HubModel" if hub else "ScratchModel"


ModelParams = Annotated[
    Annotated[ScratchModel, Tag("ScratchModel")] | Annotated[HubModel, Tag("HubModel")],
    Discriminator(_model_kind),
]


def finetune_factor(model: ScratchModel | HubModel, task: str) -> float:
    """The factor of a model's fine-tuning rate on ``task``, whose rows are trained on.

    ``finetune_scale`` is one factor for all tasks, or factors by task: 1 for those not named.
    """
    scale = model.finetune_scale
    return scale.get(task, 1.0) if isinstance(scale, dict) else scale


class TaskParams(Section):
    """How one task is prepared and trained. Absent training numbers come from the task's recipe.

    ``micro_rows``: at most so many rows in a forward pass of a device. ``dropout`` is of fine-tuning;
    absent, it is the model's own.
    """

    version: Positive = 1
    train_rows: Positive | None = None
    dev_rows: Positive | None = None
    test_rows: Positive | None = None
    learning_rate: Rate | None = None
    epochs: PositiveFloat | None = None
    batch_rows: Positive | None = None
    micro_rows: Positive | None = None
    max_length: Positive | None = None
    dropout: Dropout | None = None


class PretrainParams(Section):
    """Masked-language-model pretraining of the ladder."""

    version: Positive
    corpus_lines: Positive
    parallel_lines: Count
    vocabulary: Positive
    positions: Positive
    tokens: Positive
    sequence_length: Positive
    batch_tokens: Positive
    learning_rate: Rate
    warmup_fraction: Fraction
    mask_fraction: OpenFraction = 0.15
    weight_decay: Decay = 0.01
    seed: Seed

    @field_validator("sequence_length")
    @classmethod
    def _fits_the_positions(cls, length: int, info: ValidationInfo) -> int:
        positions = info.data.get("positions")
        if positions is not None and length > positions:
            raise ValueError(f"must not pass 'positions', {positions}")
        return length


class EvaluationParams(Section):
    """Prediction; ``retrieval_layer``, ``pooling`` and ``centred`` say what a sentence's vector is.

    ``retention`` turns on that earlier tasks are scored again; no training depends on it.
    """

    batch_tokens: Positive = 16384
    retrieval_layer: Fraction = 0.6
    pooling: Literal["mean", "cls"] = "mean"
    centred: bool = False
    sweep_languages: Names = ()  # retrieval's layer and pooling are chosen on them: evaluation/sweep.py
    retention: RetentionParams | None = None

    @property
    def of_cells(self) -> dict[str, Any]:
        """What predictions of cells depend on: all but ``retention``."""
        return self.model_dump(exclude={"retention"})


class AnalysisParams(Section):
    """Statistics of the report."""

    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95
    resamples: Annotated[Int, Field(ge=40)] = 2000  # fewer have no 95% interval
    seed: Seed = 0


class Params(Section):
    """The whole of ``params.yaml``."""

    study: StudyParams
    languages: LanguageParams
    models: Annotated[dict[Name, ModelParams], Field(min_length=1)]
    arms: Annotated[dict[Name, ArmParams], Field(min_length=1)]
    tasks: Annotated[dict[Name, TaskParams], Field(min_length=1)]
    intermediate: dict[Name, TaskParams]
    pretrain: PretrainParams
    train: TrainParams
    evaluation: EvaluationParams
    analysis: AnalysisParams

    @model_validator(mode="after")
    def _ladder_has_text(self) -> Self:
        if not any(isinstance(model, ScratchModel) for model in self.models.values()):
            return self
        if not self.languages.pretraining:
            raise ValueError(
                "key 'languages.pretraining': got none, but a model from scratch needs text; "
                "name at least one language, or use hub checkpoints only"
            )
        if self.study.source == "hub":
            raise ValueError(
                "key 'study.source': 'hub' has no pretraining text, but the study has a model from "
                "scratch; use 'release' or 'lab', or hub checkpoints only"
            )
        if self.study.source == "lab" and self.pretrain.parallel_lines:
            raise ValueError("key 'pretrain.parallel_lines': must be 0, the lab has pairs of its own")
        return self

    @model_validator(mode="after")
    def _few_bits_are_not_shared_out(self) -> Self:
        lora = {name: model.lora for name, model in self.models.items()}
        found = [name for name, of in lora.items() if of is not None and of.bits is not None]
        if found and self.train.zero_stage == 3:
            raise ValueError(
                f"key 'models.{found[0]}.lora.bits': weights of 8 or 4 bits cannot be shared out over "
                "processes, as 'train.zero_stage' 3 does; take 0, 1, 2 or auto, or leave 'bits' out"
            )
        if found and self.train.split == "on":
            raise ValueError(
                f"key 'models.{found[0]}.lora.bits': weights of 8 or 4 bits cannot be shared out over "
                "processes, as 'train.split' asks; take off or auto, or leave 'bits' out"
            )
        if found and (self.train.offload_parameters in _AWAY or self.train.offload_optimizer == "nvme"):
            raise ValueError(
                f"key 'models.{found[0]}.lora.bits': weights of 8 or 4 bits cannot be shared out over "
                "processes, as 'train.offload_parameters' and the offload to nvme need; leave those or "
                "'bits' out"
            )
        return self

    def task(self, name: str) -> TaskParams:
        """The entry of a target or intermediate task."""
        return self.tasks[name] if name in self.tasks else self.intermediate[name]

    @property
    def all_tasks(self) -> tuple[str, ...]:
        """Names of all tasks that are prepared: targets first, then intermediate ones."""
        return (*self.tasks, *self.intermediate)


def load_params(path: Path) -> Params:
    """Read and check ``path``.

    Raises:
        ConfigError: naming the key, what was got, what is allowed.
    """
    return check(read_mapping(path), path)


_WHOLE = {"models", "arms", "tasks", "intermediate"}


def overlaid(path: Path, study: Path) -> dict[str, Any]:
    """The mapping in ``path`` with the keys of the file ``study`` in their place.

    Of ``study``, ``languages``, ``pretrain``, ``train``, ``evaluation`` and ``analysis`` a study file
    may give single numbers; its ``models``, ``arms``, ``tasks`` and ``intermediate`` replace the whole
    mapping.

    Raises:
        ConfigError: ``path`` is wrong by itself, or a section of ``study`` is no mapping; what else
            ``study`` says is for :func:`check` to judge.
    """
    base, over = read_mapping(path), read_mapping(study)
    check(base, path)  # so that an error is told of the file that it stands in
    merged = dict(base)
    for key, value in over.items():
        if key in _WHOLE or not isinstance(base.get(key), Mapping):
            merged[key] = value
        elif isinstance(value, Mapping):
            merged[key] = {**base[key], **value}
        else:
            raise ConfigError(f"{study}: '{key}' must be a mapping, got {value!r}.")
    return merged


def check(raw: Mapping[str, Any], where: Path) -> Params:
    """Check a mapping against the schema; one sentence for the first thing that is wrong."""
    try:
        return Params.model_validate(raw)
    except pydantic.ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error)}") from None


def _sentence(error: pydantic.ValidationError) -> str:
    """The first problem of a validation error in words; unknown keys come first.

    A mistyped key is also a missing one: what the person wrote is the better thing to show.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda p: p["type"] not in UNKNOWN)
    path = first["loc"]
    kinds = (*_MODEL_KINDS, *_SCALE_KINDS, "[key]")
    key = ".".join(short(str(part)) for part in path if part not in kinds)
    if first["type"] in UNKNOWN:
        return f"unknown key '{key}'; {suggestion(str(path[-1]), _section(path[:-1]).model_fields)}"
    if first["type"] == "missing":
        allowed = ", ".join(_section(path[:-1]).model_fields)
        return f"key '{key}' is missing; its section takes: {allowed}."
    if not path:
        return f"{requirement(first)}."  # of several sections: it names its keys itself
    return f"key '{key}': {requirement(first)}; got {short(repr(first['input']))}."


def _section(path: tuple[int | str, ...]) -> type[Section]:
    """The section of the schema at ``path``, a path as pydantic gives it."""
    if not path:
        return Params
    if path[-1] in _MODEL_KINDS:
        return _MODEL_KINDS[str(path[-1])]
    annotation = Params.model_fields[str(path[0])].annotation
    named = typing.get_origin(annotation) is dict
    entry = typing.get_args(annotation)[-1] if named else annotation
    for key in path[2 if named else 1 :]:  # a section of an entry, which may be absent
        entry = _MODEL_KINDS.get(str(key), entry)
        if key in _MODEL_KINDS:
            continue
        assert isinstance(entry, type), path
        assert issubclass(entry, Section), path
        entry = typing.get_args(entry.model_fields[str(key)].annotation)[0]
    assert isinstance(entry, type), path
    assert issubclass(entry, Section), path
    return entry

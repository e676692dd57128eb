"""From a study to its plan: every stage that trains, shared ones counted once.

Nothing here runs, downloads or imports torch (unless a model is a directory, whose configuration is
then counted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from xlgap.cell import Arm, Cell, Grid, unscored
from xlgap.config import Params, ScratchModel
from xlgap.planning.again import again_work
from xlgap.planning.assumptions import assumptions
from xlgap.planning.disk import StageDisk, stage_disk
from xlgap.planning.figures import ModelFigures, model_figures
from xlgap.planning.hardware import Hardware, get_hardware
from xlgap.planning.hours import Parts, stage_hours
from xlgap.planning.journal import factors
from xlgap.planning.loads import asked, phase_loads, pretrain_load
from xlgap.planning.memory import weight_bytes
from xlgap.planning.plan import Plan, StageKind, StagePlan, totals
from xlgap.planning.remedies import advice
from xlgap.planning.search import choose, least_devices, splits_as_asked
from xlgap.planning.split import NOT_SCORED_AGAIN, fits_alone
from xlgap.planning.ways import Choice, Load
from xlgap.planning.work import (
    Manifests,
    phases_work,
    prediction_work,
    pretrain_work,
    selection_work,
    total,
)
from xlgap.regimes.base import Phase, divisible
from xlgap.retained import Retained, retained_cells


def plan_study(
    params: Params,
    grid: Grid,
    *,
    hardware: Hardware | str = "cpu",
    workers: int = 1,
    manifests: Manifests | None = None,
    directory: Path | None = None,
) -> Plan:
    """The plan of a study.

    Args:
        params: the study.
        grid: its cells.
        hardware: a preset such as ``8xh100``, or a description; of one stage.
        workers: stages that run side by side, each on ``hardware`` of its own.
        manifests: of data that are prepared already, by task: what their source has.
        directory: of the study: what its journal measured corrects the hours of the same models.

    Raises:
        ConfigError: unknown hardware, or a model whose width its heads do not share.
        DataError: an entry of the journal is damaged.
    """
    machine = get_hardware(hardware) if isinstance(hardware, str) else hardware
    planner = _Planner(params, machine, manifests)
    stages = tuple(planner.stages(grid))
    found = {} if directory is None else factors(stages, directory, machine)
    stages = tuple(_calibrated(stage, found) for stage in stages)
    scratch = sorted((stage.scratch_bytes or 0 for stage in stages), reverse=True)
    return Plan(
        study=params.study.name,
        hardware=machine,
        workers=workers,
        stages=stages,
        left_out=grid.left_out,
        preliminary=grid.preliminary,
        overlaps=grid.overlaps,
        unscored=tuple(unscored(params).items()),
        totals=totals(
            stages, cells=len(grid.cells), workers=workers, scratch_bytes=sum(scratch[:workers])
        ),
        calibration={model: factor for model, (factor, _) in found.items()},
        assumptions=assumptions(params, machine, found),
    )


def plan_cell(
    params: Params, cell: Cell, *, hardware: Hardware, manifests: Manifests | None = None
) -> StagePlan:
    """The plan of one cell alone, all of whose own phases it trains.

    Args:
        params: the study.
        cell: of its grid.
        hardware: that it runs on.
        manifests: as in :func:`plan_study`.
    """
    return _Planner(params, hardware, manifests).finetune(cell, {})


def _calibrated(stage: StagePlan, found: Mapping[str, tuple[float, int]]) -> StagePlan:
    """A stage whose hours are corrected by what its model's finished stages took."""
    if stage.hours is None or stage.kwh is None or stage.model not in found:
        return stage
    factor, _ = found[stage.model]
    return replace(stage, hours=factor * stage.hours, kwh=factor * stage.kwh)


Loads = tuple[Load, ...]
"""Of the tasks of one phase."""
Trained = dict[tuple[tuple[Phase, ...], tuple[Phase, ...]], str]
"""By what a training starts after and its phases, the stage that does it first."""


class _Figures(dict[str, ModelFigures]):
    """The figures of the study's models, each looked up once."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.params = params

    def __missing__(self, name: str) -> ModelFigures:
        self[name] = model_figures(name, self.params)
        return self[name]


class _Planner:
    """Holds what every stage's plan looks up."""

    def __init__(self, params: Params, hardware: Hardware, manifests: Manifests | None) -> None:
        self.params = params
        self.hardware = hardware
        self.manifests = manifests
        self.figures = _Figures(params)
        self._ways: dict[tuple[str, Loads, bool], tuple[Choice, int | None, str]] = {}

    def stages(self, grid: Grid) -> Iterable[StagePlan]:
        """All stages: of each model its pretraining, its warm starts, its cells; what is scored again.

        A best-of cell copies predictions, which costs nothing.
        """
        for name, model in self.params.models.items():
            if isinstance(model, ScratchModel) and model.pretrained:
                yield self.pretrain(name)
            trained: Trained = {}
            for arm in (arm for arm in grid.arms_of(name) if arm.warm_phases):
                yield self.warmstart(name, arm, trained)
            for cell in (cell for cell in grid.trained if cell.model == name):
                yield self.finetune(cell, trained)
        yield from (self.retention(found) for found in retained_cells(self.params, grid))

    def pretrain(self, model: str) -> StagePlan:
        """Pretraining of a model of the from-scratch ladder: one seed."""
        return self._stage(
            kind="pretrain",
            key=model,
            model=model,
            phases=("mlm",),
            seeds=1,
            parts=Parts(training=pretrain_work(self.params, self.figures[model].whole)),
            loads=[(pretrain_load(self.params, self.figures[model].whole),)],
        )

    def warmstart(self, model: str, arm: Arm, trained: Trained) -> StagePlan:
        """The warm phases of an arm, which its tasks share; those that no arm before it did."""
        phases, shares = self._left((), arm.warm_phases, trained, f"warmstart@{model}-{arm.name}")
        return self._stage(
            kind="warmstart",
            key=f"{model}-{arm.name}",
            model=model,
            arm=arm.name,
            phases=tuple(_phase_name(phase) for phase in arm.warm_phases),
            seeds=len(self.params.study.seeds),
            parts=self._parts(phases, model),
            shares=shares,
            copies=1 + self._kept(arm.warm_phases, phases),
            loads=self._loads(phases, model),
        )

    def finetune(self, cell: Cell, trained: Trained) -> StagePlan:
        """A cell; one whose training another cell of the model did already only predicts.

        The English training before shots is done once, too, for any number of them.
        """
        phases, shares = self._left(cell.arm.warm_phases, cell.phases, trained, f"finetune@{cell.key}")
        prediction = prediction_work(
            cell.task.name,
            cell.eval_languages(self.params),
            self.params,
            self.figures[cell.model],
            self.manifests,
        )
        return self._stage(
            kind="finetune",
            key=cell.key,
            model=cell.model,
            arm=cell.arm.name,
            task=cell.task.name,
            phases=tuple(_phase_name(phase) for phase in cell.phases),
            seeds=len(self.params.study.seeds),
            parts=replace(self._parts(phases, cell.model), prediction=prediction),
            shares=shares,
            copies=self._kept(cell.phases, phases),
            loads=self._loads(phases, cell.model),
        )

    def _loads(self, phases: Iterable[Phase], model: str) -> list[Loads]:
        figures = self.figures[model]
        return [tuple(phase_loads(phase, self.params, figures)) for phase in phases]

    def _kept(self, phases: tuple[Phase, ...], left: tuple[Phase, ...]) -> int:
        """How many weights one seed of a training leaves under digests: of each phase that is new."""
        if self.params.train.keep != "all" or not left:
            return 0
        return len(left) if divisible(phases) else 1

    def _left(
        self, before: tuple[Phase, ...], phases: tuple[Phase, ...], trained: Trained, stage: str
    ) -> tuple[tuple[Phase, ...], str | None]:
        """The phases that ``stage`` is the first to train, and the stage that did all of them.

        A training is one from the same start; its phases are done one by one, where none shares a
        budget with another.
        """
        if self.params.train.keep != "all" or not phases:
            return phases, None
        parts = [phases[: n + 1] for n in range(len(phases))]
        if len(phases) > 1 and not divisible(phases):
            parts = parts[-1:]
        done = max((len(part) for part in parts if (before, part) in trained), default=0)
        shares = trained.get((before, phases))
        for part in parts:
            trained.setdefault((before, part), stage)
        return phases[done:], shares

    def retention(self, found: Retained) -> StagePlan:
        """A cell's earlier tasks, scored again after each phase."""
        cell = found.cell
        work = again_work(found, self.params, self.figures[cell.model], self.manifests)
        return self._stage(
            kind="retention",
            key=cell.key,
            model=cell.model,
            arm=cell.arm.name,
            task=cell.task.name,
            phases=(),
            seeds=len(self.params.study.seeds),
            parts=Parts(prediction=work),
            copies=0,
        )

    def _parts(self, phases: tuple[Phase, ...], model: str) -> Parts:
        known = self.params, self.figures[model], self.manifests
        selection = total(selection_work(phase, *known) for phase in phases)
        return Parts(training=phases_work(phases, *known), selection=selection)

    def _stage(
        self,
        *,
        kind: StageKind,
        key: str,
        model: str,
        phases: tuple[str, ...],
        seeds: int,
        parts: Parts,
        arm: str | None = None,
        task: str | None = None,
        shares: str | None = None,
        copies: int = 1,
        loads: Iterable[Loads] = (),
    ) -> StagePlan:
        figures, training, evaluation = self._figures(kind, model), parts.training, parts.evaluation
        loads = loads if training.steps != 0 else ()
        choice, needed, would = self._way(model, loads, adapted=kind != "pretrain")
        flops = _scaled((training + evaluation).flops, seeds)
        disk = StageDisk(0, 0)
        if training.steps != 0:
            disk = self._disk(kind, model, choice, phases=len(phases), seeds=seeds)
        precision, split = self.params.train.precision, self._split(kind, model)
        hours = stage_hours(parts, choice, self.hardware, precision, split=split)
        hours = _scaled(hours, seeds)
        return StagePlan(
            stage=f"{kind}@{key}",
            kind=kind,
            model=model,
            arm=arm,
            task=task,
            params_total=figures.params_total,
            params_nonembedding=figures.params_nonembedding,
            phases=phases,
            seeds=seeds,
            training=training,
            evaluation=evaluation,
            shares=shares,
            memory=None if choice is None else choice.memory,
            choice=choice,
            load=None if choice is None else choice.task,
            fits=None if choice is None else choice.fits,
            devices_needed=needed,
            flops=flops,
            hours=hours,
            kwh=_scaled(hours, self.hardware.devices * self.hardware.watts / 1000),
            disk_bytes=self._weights(figures, copies * seeds) if copies else 0,
            checkpoint_bytes=disk.checkpoint,
            scratch_bytes=disk.scratch,
            advice=would,
            note=self._unscorable(kind, model) or _note(figures, parts),
        )

    def _unscorable(self, kind: StageKind, model: str) -> str:
        """Why earlier tasks cannot be scored again, where that is so."""
        shape = self.figures[model].shape
        if kind != "retention" or shape is None:
            return ""
        train, lora = self.params.train, self.params.models[model].lora
        alone = fits_alone(
            shape,
            self.hardware,
            asked=train.split,
            zero_stage=train.zero_stage,
            adapted=lora is not None,
        )
        return "" if alone else NOT_SCORED_AGAIN

    def _split(self, kind: StageKind, model: str) -> bool:
        """Whether all devices predict together; earlier tasks are scored again by one process."""
        shape = self.figures[model].shape
        if kind == "retention" or shape is None:
            return False
        return splits_as_asked(
            shape, self.hardware, asked(self.params, model, adapted=kind != "pretrain")
        )

    def _figures(self, kind: StageKind, model: str) -> ModelFigures:
        """Those of what a stage trains; pretraining has no adapters."""
        return self.figures[model].whole if kind == "pretrain" else self.figures[model]

    def _way(
        self, model: str, phases: Iterable[Loads], *, adapted: bool
    ) -> tuple[Choice | None, int | None, str]:
        """The way of the phase that takes most memory, the devices that it needs, what would do."""
        shape, given = self.figures[model].shape, asked(self.params, model, adapted=adapted)
        if shape is None:
            return None, None, ""
        ways = []
        for loads in phases:
            of = (model, loads, adapted)
            if of not in self._ways:
                here = shape, loads, self.hardware, given
                choice, fewest = choose(*here), least_devices(*here)
                self._ways[of] = choice, fewest, advice(*here, choice=choice, fewest=fewest)
            ways.append(self._ways[of])
        most = (None, None, "")
        return max(ways, key=lambda way: (not way[0].fits, way[0].memory.total), default=most)

    def _weights(self, figures: ModelFigures, copies: int) -> int | None:
        if figures.kept_total is None:
            return None
        return copies * weight_bytes(figures.kept_total)

    def _disk(
        self, kind: StageKind, model: str, choice: Choice | None, *, phases: int, seeds: int
    ) -> StageDisk:
        """What a stage that trains has on disk while it runs; a recipe may take the last weights."""
        trained, train = self._figures(kind, model).kept_total, self.params.train
        if trained is None or choice is None:
            return StageDisk(None, None)
        tuned = kind != "pretrain"
        unkept = seeds if train.keep == "none" and tuned else 0
        devices = self.hardware.devices
        return stage_disk(
            trained, choice, train, devices=devices, on_dev=tuned, phases=phases, unkept=unkept
        )


def _note(figures: ModelFigures, parts: Parts) -> str:
    if figures.note or None not in (parts.training.rows, parts.evaluation.rows):
        return figures.note
    return "its rows are known once the data are prepared, or limited in params.yaml"


def _phase_name(phase: Phase) -> str:
    how = "" if phase.shots is None else f" x {phase.shots}"
    how += ", translated" if phase.translated else ""
    parts = [*phase.tasks, *["mlm"] * (phase.mlm_rate is not None)]
    return f"{'+'.join(parts)}[{phase.language}{how}]"


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor

"""Runs of the local store at a shared server: what it lacks is sent, nothing twice.

The digest of a run makes it the same run anywhere: two machines that worked on one cell have one run
at the server, which holds what both know. Which local state of a run the server has is in the tag
``xlgap.synced`` of its run there, written last; so a run that was interrupted is sent again, and one
that is there costs nothing. MLflow keeps a point (name, step, time, value) once, if it comes twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from xlgap.errors import XlgapError
from xlgap.tracking.base import DIGEST, KIND, ORIGIN, RESTORED, STUDY, SUPERSEDED
from xlgap.tracking.local import LocalRun, LocalStore, opened
from xlgap.tracking.mlflow import METRICS_A_BATCH, PARAMS_A_BATCH, RUNS_A_PAGE, log_datasets
from xlgap.tracking.store import experiment_id
from xlgap.tracking.uri import shown, without_logins
from xlgap.tracking.view import VIEWS, view_tag

SYNCED = "xlgap.synced"
PARENT = "mlflow.parentRunId"
SUMMARIES = {"study", "model"}
"""Kinds of runs that a later state replaces: MLflow cannot take a figure off a run."""
ATTEMPTS = 3
FEW = 5  # names that are asked for one by one
OF_STORE = frozenset({SUPERSEDED, SYNCED, PARENT})
"""Tags that name runs of one store."""


@dataclass
class Sent:
    """What a pass has done, in runs."""

    made: int = 0
    updated: int = 0
    there: int = 0

    def sentence(self, uri: str) -> str:
        """For people."""
        total = self.made + self.updated + self.there
        done = f"{self.made} new, {self.updated} brought up to date, {self.there} were there"
        return f"{total} runs at {shown(uri)}: {done}."


@dataclass
class Forward:
    """Sends runs of one store to one server.

    Attributes:
        store: the local store.
        uri: the server's.
        client: of the server.
        known: by local run, the state that the server is known to have, of earlier passes.
    """

    store: LocalStore
    uri: str
    client: MlflowClient
    known: dict[str, str] = field(default_factory=dict)

    def all_runs(self, advance: Callable[[int, int], None] = lambda done, total: None) -> Sent:
        """Send what the server lacks.

        Args:
            advance: told how many runs are done, and of how many.

        Raises:
            XlgapError: the server did not take something; what it took stays.
        """
        sent, done = Sent(), 0
        runs = self.store.runs()
        marks = {run.id: _mark(run) for run in runs}
        waiting = [run for run in runs if self.known.get(run.id) != marks[run.id]]
        sent.there = done = len(runs) - len(waiting)
        advance(done, len(runs))
        of_experiment: dict[str, list[LocalRun]] = defaultdict(list)
        for run in waiting:
            of_experiment[run.experiment].append(run)
        for name, found in of_experiment.items():
            with self._told(f"the experiment {name}"):
                where = experiment_id(self.client, self.uri, name)
                few = found[0].digest if len(found) == 1 else None
                there = self._runs(where) if few is None else self._with_digest(where, few)
            chosen = {digest: winner(of_one) for digest, of_one in by_digest(there).items()}
            for run in found:
                with self._told(f"run '{run.name}'"):
                    state = self._send(run, where, chosen.get(run.digest), marks[run.id])
                self.known[run.id] = marks[run.id]
                setattr(sent, state, getattr(sent, state) + 1)
                done += 1
                advance(done, len(runs))
            with self._told(f"the experiment {name}"):
                self._settle(where, {run.name for run in found})
                if any(run.tags.get(KIND) == "study" for run in found):
                    self._views(where, name, [run for run in runs if run.experiment == name])
        return sent

    def _told(self, what: str) -> _Told:
        return _Told(what, self.uri)

    def _runs(self, where: str, filter_string: str = "") -> list[Run]:
        return all_runs(self.client, where, filter_string)

    def _with_digest(self, where: str, digest: str) -> list[Run]:
        return self._runs(where, f"tags.`{DIGEST}` = '{digest}'")

    def _send(self, run: LocalRun, where: str, there: Run | None, mark: str) -> str:
        """Send one run; again to the one that is found then, where it was deleted meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            if there is not None and marks_of(there).get(run.id) == mark:
                return "there"
            try:
                made = self._once(run, where, there, mark)
            except MlflowException:
                found = winner(self._with_digest(where, run.digest))
                same = there and found and there.info.run_id == found.info.run_id
                if attempt == ATTEMPTS or same:
                    raise
                there = found
            else:
                if made is not None:
                    return "made" if made else "updated"
                there = winner(self._with_digest(where, run.digest))
        raise XlgapError(f"other machines make the run {run.digest} at the same time, again and again.")

    def _once(self, run: LocalRun, where: str, there: Run | None, mark: str) -> bool | None:
        """Send what ``there`` lacks; whether it was made, None where another one is the run now."""
        newer = there is None or run.opened >= opened(there.data.tags, there.info.start_time)
        if there is not None and run.tags.get(KIND) in SUMMARIES:
            if not newer:
                self._set_mark(there, run, mark)
                return False
            if there.data.metrics.keys() - {point[0] for point in self._points(run, 0)}:
                self.client.delete_run(there.info.run_id)
                there = None
        made = there is None
        if there is None:
            tags = {k: v for k, v in run.tags.items() if k not in OF_STORE}
            there = self.client.create_run(where, start_time=run.started, tags=tags, run_name=run.name)
        self._figures(run, there, newer=newer)
        self._data(run, there)
        if run.kept and not _same_files(marks_of(there).get(run.id), mark):
            self.client.log_artifacts(there.info.run_id, str(run.files))
        if newer:
            self._status(run, there)
        if not marks_of(there) and not self._is_the_run(there, where):
            return None
        self._set_mark(there, run, mark)
        return made

    def _is_the_run(self, there: Run, where: str) -> bool:
        """Whether it stays, where another machine made one of the same digest; else it goes."""
        found = self._with_digest(where, there.data.tags[DIGEST])
        best = winner(found)
        if best is None or best.info.run_id == there.info.run_id:
            return best is not None
        for other in found:
            if other.info.run_id != best.info.run_id and not marks_of(other):
                self.client.delete_run(other.info.run_id)
        return False

    def _points(self, run: LocalRun, after: int) -> Iterable[tuple[str, float, int, int, bool]]:
        while after < run.points:
            found = self.store.points(run.id, after=after, most=METRICS_A_BATCH)
            if not found:
                return
            yield from found[: run.points - after]
            after += len(found)

    def _figures(self, run: LocalRun, there: Run, *, newer: bool) -> None:
        """Points, params and tags, in batches of what MLflow takes at once."""
        params, changed = [], {}
        for key, value in run.params.items():
            known = there.data.params.get(key)
            if known is None:
                params.append(Param(key, value))
            elif known != value:
                changed[f"xlgap.changed.{key}"] = value
        tags = changed | self._tags(run, there, newer=newer)
        entities = [RunTag(k, v) for k, v in tags.items() if there.data.tags.get(k) != v]
        sent = marks_of(there).get(run.id)
        after = 0 if sent is None else int(sent.partition(".")[0])
        points = [
            Metric(key, float("nan") if is_nan else value, at, step)
            for key, value, at, step, is_nan in self._points(run, after)
        ]
        room = METRICS_A_BATCH - 2 * PARAMS_A_BATCH
        while points or params or entities:
            self.client.log_batch(
                there.info.run_id,
                metrics=points[:room],
                params=params[:PARAMS_A_BATCH],
                tags=entities[:PARAMS_A_BATCH],
            )
            del points[:room], params[:PARAMS_A_BATCH], entities[:PARAMS_A_BATCH]

    def _tags(self, run: LocalRun, there: Run, *, newer: bool) -> dict[str, str]:
        """The tags that the run is to have there; those of another origin are taken off."""
        known = there.data.tags
        found = {k: v for k, v in run.tags.items() if k not in OF_STORE}
        ours, theirs = found.keys() & ORIGIN, known.keys() & ORIGIN
        produced = RESTORED not in ours, RESTORED not in theirs
        if (
            ours
            and theirs
            and (produced[1] > produced[0] or (produced[0] == produced[1] and not newer))
        ):
            found = {k: v for k, v in found.items() if k not in ORIGIN}
        elif ours:
            for key in theirs - ours:
                self.client.delete_tag(there.info.run_id, key)
        if PARENT in run.tags:
            parent = self._elsewhere(run, run.tags[PARENT], there)
            found |= {PARENT: parent} if parent else {}
        return found if newer else {k: v for k, v in found.items() if k not in known or k in ORIGIN}

    def _elsewhere(self, run: LocalRun, parent: str, there: Run) -> str | None:
        """The server's id of a run of the local store."""
        digest = next((r.digest for r in self.store.runs() if r.id == parent), None)
        found = [] if digest is None else self._with_digest(there.info.experiment_id, digest)
        best = winner(found)
        return None if best is None else str(best.info.run_id)

    def _data(self, run: LocalRun, there: Run) -> None:
        inputs = there.inputs.dataset_inputs if there.inputs else []
        known = {(of.dataset.name, of.dataset.digest) for of in inputs}
        lacking = [
            DatasetInput(
                Dataset(d.name, d.digest, d.source_type, d.source, profile=d.profile),
                [InputTag(key, value) for key, value in d.tags.items()],
            )
            for d in run.datasets
            if (d.name, d.digest) not in known
        ]
        if lacking:
            log_datasets(self.client, there.info.run_id, lacking)

    def _status(self, run: LocalRun, there: Run) -> None:
        if run.status in {"RUNNING", "SCHEDULED"} or run.ended is None:
            self.client.update_run(there.info.run_id, status=run.status, name=run.name)
            return
        if there.info.run_name != run.name:
            self.client.update_run(there.info.run_id, name=run.name)
        self.client.set_terminated(there.info.run_id, run.status, run.ended)

    def _set_mark(self, there: Run, run: LocalRun, mark: str) -> None:
        text = json.dumps({**marks_of(there), run.id: mark}, separators=(",", ":"))
        self.client.set_tag(there.info.run_id, SYNCED, text)

    def _settle(self, where: str, named: set[str]) -> None:
        """Of the runs of one name the last opened is current, the others are superseded by it."""
        if len(named) > FEW:
            there = self._runs(where)
        else:
            there = [r for name in named for r in self._runs(where, f"attributes.run_name = '{name}'")]
        of_name: dict[str, list[Run]] = defaultdict(list)
        for run in there:
            if DIGEST in run.data.tags and run.info.run_name in named:
                of_name[run.info.run_name].append(run)
        for of_one in of_name.values():
            last = max(of_one, key=_order)
            for run in of_one:
                self._supersede(run, None if run is last else last)

    def _supersede(self, run: Run, by: Run | None) -> None:
        known = run.data.tags.get(SUPERSEDED)
        if by is None and known is not None:
            self.client.delete_tag(run.info.run_id, SUPERSEDED)
        elif by is not None and known != by.info.run_id:
            self.client.set_tag(run.info.run_id, SUPERSEDED, by.info.run_id)

    def _views(self, where: str, name: str, runs: list[LocalRun]) -> None:
        """Views of the studies whose last analysis is ours; runs of models that these lack go."""
        tags = self.store.experiment_tags().get(name, {})
        known = self.client.get_experiment(where).tags
        for run in (run for run in runs if run.tags.get(KIND) == "study"):
            study = run.tags[STUDY]
            there = self._runs(where, f"tags.`{STUDY}` = '{study}'")
            opens = [_order(r)[0] for r in there if r.data.tags.get(KIND) == "study"]
            if max(opens, default=0) > run.opened:
                continue
            for key in (view_tag(study + view) for view in VIEWS):
                if key in tags and known.get(key) != tags[key]:
                    self.client.set_experiment_tag(where, key, tags[key])
            ours = {r.digest for r in runs}
            for other in there:
                if other.data.tags.get(KIND) == "model" and other.data.tags.get(DIGEST) not in ours:
                    self.client.delete_run(other.info.run_id)


class _Told:
    """Turns what MLflow says into one sentence."""

    def __init__(self, what: str, uri: str) -> None:
        self.what, self.uri = what, uri

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MlflowException | OSError):
            raise XlgapError(
                f"the MLflow server {shown(self.uri)} did not take {self.what}: "
                f"{without_logins(str(error)).splitlines()[0]}; what it took stays, 'xlgap sync' sends "
                "the rest."
            ) from error


def marks_of(run: Run) -> dict[str, str]:
    """By local run, which state of it a run at the server has; empty before the first is complete."""
    try:
        found = json.loads(run.data.tags.get(SYNCED, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def all_runs(client: MlflowClient, where: str, filter_string: str = "") -> list[Run]:
    """Runs of an experiment at a server that are not deleted.

    Args:
        client: of the server.
        where: the experiment's id.
        filter_string: in MLflow's words.
    """
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([where], filter_string, max_results=RUNS_A_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def winner(runs: Iterable[Run]) -> Run | None:
    """Of runs of one digest the one that stays: one that is complete, else the first by its id."""
    return min(runs, key=lambda run: (not marks_of(run), run.info.run_id), default=None)


def by_digest(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Those that have a digest, by it."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if DIGEST in run.data.tags:
            found[run.data.tags[DIGEST]].append(run)
    return found


def _order(run: Run) -> tuple[int, int, str]:
    started = run.info.start_time
    return opened(run.data.tags, started), started, run.info.run_id


def _mark(run: LocalRun) -> str:
    """The state of a local run: how many points, and digests of the rest and of its files."""
    return f"{run.points}.{run.state[:12]}.{run.kept[:12]}"


def _same_files(sent: str | None, mark: str) -> bool:
    return sent is not None and sent.rpartition(".")[2] == mark.rpartition(".")[2]

"""Runs in MLflow: what a run is told, buffered, and which run a cell and seed has.

Everything goes through a client of our own: there is no global active run and no thread, and nothing
is opened before :func:`open_run`, so that this module may be imported before a fork.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.search_utils import SearchUtils
from sqlalchemy.exc import SQLAlchemyError

from xlgap.errors import Interrupted, XlgapError
from xlgap.formats import finished
from xlgap.tracking.base import CONTENT, DIGEST, OPENED, ORIGIN, SUPERSEDED, WaitingTracker
from xlgap.tracking.store import experiment_id, open_client
from xlgap.tracking.uri import shown, without_logins

FLUSH_SECONDS = 10.0
DATASET_ATTEMPTS = 5
METRICS_A_BATCH = 1000  # limits of MLflow's REST interface
PARAMS_A_BATCH = 100
RUNS_A_PAGE = 1000
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
LONGEST_DIGEST = 36

CURRENT = f"tags.`{SUPERSEDED}` IS NULL"

_log = logging.getLogger(__name__)


class MlflowTracker:
    """One MLflow run. Figures are buffered and written in batches, at the latest every ten seconds.

    A store that does not answer stops no training: what it did not take is kept and sent with the
    next batch, and only :meth:`close` raises when it is still not taken then.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, params: Mapping[str, str]) -> None:
        """Write to the run ``run_id``, which has ``params`` already."""
        self.run_id = run_id
        self._client = client
        self._params = dict(params)
        self._metrics: list[Metric] = []
        self._new_params: list[Param] = []
        self._tags: dict[str, str] = {}
        self._datasets: list[DatasetInput] = []
        self._files = WaitingTracker()  # those that the store has not taken
        self._flushed = time.monotonic()

    def params(self, values: Mapping[str, Any]) -> None:
        """Settings of the run.

        MLflow never changes a parameter: where a resumed run brings another value, the first one
        stays and the new one becomes the tag ``xlgap.changed.NAME``. A value that is too long is
        kept whole as the artifact ``params/NAME.txt``.
        """
        for name, value in values.items():
            key, text = _key(name), str(value)
            if len(text) > LONGEST_PARAM:
                with self._survived(f"params/{key}.txt"):
                    self._client.log_text(self.run_id, text, f"params/{key}.txt")
                text = text[: LONGEST_PARAM - 60] + f" ... (whole: artifact params/{key}.txt)"
            if key not in self._params:
                self._params[key] = text
                self._new_params.append(Param(key, text))
            elif self._params[key] != text:
                self._tags[f"xlgap.changed.{key}"] = text[:LONGEST_TAG]
        self._flush_when_due()

    def metrics(
        self, values: Mapping[str, float], *, step: int | None = None, at: int | None = None
    ) -> None:
        """Figures, at a step of training where ``step`` is given, and at a time in ms since 1970."""
        now = time.time_ns() // 1_000_000 if at is None else at
        self._metrics += [Metric(_key(k), float(v), now, step or 0) for k, v in values.items()]
        self._flush_when_due()

    def tags(self, values: Mapping[str, str]) -> None:
        """Words to find the run by."""
        self._tags.update({_key(k): str(v)[:LONGEST_TAG] for k, v in values.items()})
        self._flush_when_due()

    def dataset(self, *, name: str, digest: str, context: str, rows: int) -> None:
        """Data that the run read, by name and digest; nothing is loaded."""
        data = Dataset(
            name=name,
            digest=digest[:LONGEST_DIGEST],
            source_type="local",
            source=json.dumps({"digest": digest}),
            profile=json.dumps({"num_rows": rows}),
        )
        tags = [InputTag("mlflow.data.context", context), InputTag(DIGEST, digest)]
        self._datasets.append(DatasetInput(data, tags))
        self._flush_when_due()

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """A file, or the contents of a directory, to keep with the run."""
        log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
        with self._survived(path.name, partial(self._files.artifact, path, folder=folder)):
            log(self.run_id, str(path), folder)

    def document(self, values: Mapping[str, Any], *, name: str) -> None:
        """A mapping to keep with the run as the file ``name``, such as ``deepspeed.json``."""
        with self._survived(name, partial(self._files.document, values, name=name)):
            self._client.log_dict(self.run_id, dict(values), name)

    @contextlib.contextmanager
    def _survived(self, name: str, wait: Callable[[], None] | None = None) -> Iterator[None]:
        """A file that the store does not take is told, and ends no training; ``wait`` keeps it."""
        try:
            yield
        except (MlflowException, OSError) as error:
            why = without_logins(str(error))
            _log.warning("MLflow did not take the file %s of run %s: %s", name, self.run_id, why)
            if wait is not None:
                wait()

    @property
    def waiting(self) -> WaitingTracker:
        """What the store has not taken."""
        found = WaitingTracker(list(self._files.told))
        for metric in self._metrics:
            words = {"values": {metric.key: repr(metric.value)}, "step": metric.step}
            found.told.append(("metrics", words, metric.timestamp))
        if self._new_params:
            found.params({param.key: param.value for param in self._new_params})
        if self._tags:
            found.tags(self._tags)
        for given in self._datasets:
            digest = json.loads(given.dataset.source)["digest"]
            rows = json.loads(given.dataset.profile)["num_rows"]
            context = given.tags[0].value
            found.dataset(name=given.dataset.name, digest=digest, context=context, rows=rows)
        return found

    def hear(self, waiting: WaitingTracker) -> None:
        """Write what waited, at the times at which it was told; files that are gone are left out."""
        for what, words, at in waiting.told:
            if what == "artifact":
                path = finished(Path(words["path"]))
                if path.exists():
                    self.artifact(path, folder=words["folder"])
            elif what == "metrics":
                figures = {key: float(value) for key, value in words["values"].items()}
                self.metrics(figures, step=words["step"], at=at)
            else:
                getattr(self, what)(**words)

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            MlflowException: the store did not take it; the rest stays buffered.
        """
        self._flushed = time.monotonic()
        while self._metrics or self._new_params or self._tags:
            metrics = self._metrics[: METRICS_A_BATCH - 2 * PARAMS_A_BATCH]
            params = self._new_params[:PARAMS_A_BATCH]
            tags = dict(list(self._tags.items())[:PARAMS_A_BATCH])
            entities = [RunTag(k, v) for k, v in tags.items()]
            self._client.log_batch(self.run_id, metrics=metrics, params=params, tags=entities)
            del self._metrics[: len(metrics)]
            del self._new_params[: len(params)]
            self._tags = {k: v for k, v in self._tags.items() if k not in tags}
        if self._datasets:
            log_datasets(self._client, self.run_id, self._datasets)
            self._datasets = []

    def _flush_when_due(self) -> None:
        due = time.monotonic() - self._flushed >= FLUSH_SECONDS
        if due or len(self._metrics) >= METRICS_A_BATCH:
            self.write()

    def write(self) -> None:
        """Write what is buffered; what the store does not take is sent with the next batch."""
        try:
            self.flush()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            why = _first_line(error)
            _log.warning("MLflow did not take figures of run %s, trying again: %s", self.run_id, why)

    def close(self, *, failed: bool = False) -> None:
        """Write what is buffered and end the run.

        Its status is FINISHED, or, when ``failed``, KILLED while an interruption is being handled
        and FAILED otherwise.

        Raises:
            XlgapError: the store did not take the figures.
        """
        stopped = isinstance(sys.exception(), Interrupted | KeyboardInterrupt)
        status = "FINISHED" if not failed else "KILLED" if stopped else "FAILED"
        try:
            self.flush()
            self._client.set_terminated(self.run_id, status)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise XlgapError(
                f"MLflow did not take {len(self._metrics)} figures of run {self.run_id}: "
                f"{_first_line(error)}; see that the store's disk has room and its file is sound."
            ) from error


def log_datasets(client: MlflowClient, run_id: str, datasets: list[DatasetInput]) -> None:
    """Send data sets of a run; again where another run recorded one of them at the same moment.

    MLflow looks which of them the experiment has, then inserts the others: in between another
    process may have done so, and the whole batch is refused. The next look finds its row.
    """
    for attempt in range(1, DATASET_ATTEMPTS + 1):
        try:
            client.log_inputs(run_id, datasets=datasets)
        except MlflowException as error:
            clash = "UNIQUE" in str(error).upper() or "DUPLICATE" in str(error).upper()
            if attempt == DATASET_ATTEMPTS or not clash:
                raise
        else:
            return


def warm_up() -> None:
    """Import and compile what opening a run needs, opening nothing: for a process that forks others.

    Opening a run costs 0.16 seconds of CPU after it, 0.66 without.
    """
    for name in (
        "alembic.config",
        "mlflow.store.artifact.local_artifact_repo",
        "mlflow.store.tracking.sqlalchemy_workspace_store",
        "sqlalchemy.dialects.sqlite.pysqlite",
    ):
        importlib.import_module(name)
    SearchUtils.parse_search_filter("tags.key = 'value'")  # compiles the expressions of its parser


def open_run(
    *,
    uri: str,
    experiment: str,
    name: str,
    digest: str,
    tags: Mapping[str, str],
    parent: str | None = None,
) -> MlflowTracker:
    """The run with this ``digest`` in the experiment: a new one, or the same one again on a retry.

    Runs of the same ``name`` with another digest are of an earlier state: they get the tag
    ``xlgap.superseded``, which holds the id of the run that took their place.

    Args:
        uri: the tracking URI, see :func:`xlgap.tracking.uri.store_uri`.
        experiment: the experiment's name, made when it is not there.
        name: what the UI shows; the same for all states of one cell and seed.
        digest: what makes the run the same run; kept as the tag ``xlgap.digest``.
        tags: more tags. Where some say what produced the run, those that said so before go.
        parent: the id of a run under which the UI shows this one.

    Raises:
        ConfigError, XlgapError: the store cannot be opened, or did not take it.
    """
    try:
        with open_client(uri) as client:
            where = experiment_id(client, uri, experiment)
            found = client.search_runs([where], f"tags.`{DIGEST}` = '{digest}'", max_results=1)
            everything = {**tags, DIGEST: digest, OPENED: str(time.time_ns() // 1_000_000)}
            if parent is not None:
                everything["mlflow.parentRunId"] = parent
            if not found:
                made = client.create_run(where, run_name=name, tags=everything)
                _supersede(client, where, name, made.info.run_id)
                return MlflowTracker(client, made.info.run_id, params={})
            run = found[0]
            _supersede(client, where, name, run.info.run_id)
            another = run.data.tags.keys() & ORIGIN - tags.keys() if tags.keys() & ORIGIN else set()
            for tag in another | run.data.tags.keys() & {SUPERSEDED}:
                client.delete_tag(run.info.run_id, tag)
            client.update_run(run.info.run_id, status="RUNNING", name=name)
            tracker = MlflowTracker(client, run.info.run_id, params=run.data.params)
            tracker.tags(everything)
            return tracker
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise XlgapError(
            f"the MLflow store {shown(uri)} did not open run '{name}': {_first_line(error)}; see that "
            "its disk has room and its file is sound."
        ) from error


def search_names(uri: str, experiment: str) -> dict[str, set[str]]:
    """See :func:`xlgap.tracking.look.tracked`."""
    found: dict[str, set[str]] = {}
    with open_client(uri) as client:
        where, page = client.get_experiment_by_name(experiment), None
        while where is not None:
            runs = client.search_runs([where.experiment_id], max_results=RUNS_A_PAGE, page_token=page)
            for run in runs:
                if DIGEST in run.data.tags:
                    names = {*run.data.tags, *run.data.params, *run.data.metrics}
                    names |= {f"{k}={v}" for k, v in run.data.tags.items() if k == CONTENT}
                    found.setdefault(run.data.tags[DIGEST], set()).update(names)
            page = runs.token
            if not page:
                break
    return found


def _supersede(client: MlflowClient, experiment: str, name: str, by: str) -> None:
    """Mark the experiment's other runs called ``name``."""
    for run in client.search_runs([experiment], f"attributes.run_name = '{name}' and {CURRENT}"):
        if run.info.run_id != by:
            client.set_tag(run.info.run_id, SUPERSEDED, by)


def _first_line(error: BaseException) -> str:
    """What an error says first, without logins."""
    return next(iter(without_logins(str(error)).splitlines()), type(error).__name__)


def _key(name: str) -> str:
    """A name that MLflow takes: letters, digits, and ``_ - . : / space``."""
    return re.sub(r"[^\w.:/ -]", "_", name)

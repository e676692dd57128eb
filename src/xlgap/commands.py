"""The commands of ``xlgap``: their words, and what each calls. Heavy imports wait for their command."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from xlgap import __version__, examine, findings, listings, runs
from xlgap.errors import ConfigError, Interrupted, XlgapError
from xlgap.forward import SIGNALLED, FlowKilledError, run_and_forward_signals
from xlgap.options import (
    check_workers,
    folder_options,
    hardware_asked,
    read,
    rows_options,
    study_option,
)

Arguments = argparse.Namespace
TRAINS = frozenset({"pretrain", "warmstart", "finetune"})
"""Stages that may be several processes, see :mod:`xlgap.launch`."""


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="xlgap", description="How the cross-lingual gap moves with model size."
    )
    top.add_argument("--version", action="version", version=f"xlgap {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _people(commands)
    _stages(commands)
    return top


def _people(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="bring a study up to date, end with its report")
    study_option(run)
    run.add_argument("--workers", type=int, default=2, help="stages that run side by side")
    run.set_defaults(run=run_study)

    graph = commands.add_parser("graph", help="write graph.yaml from params.yaml")
    study_option(graph)
    graph.add_argument("--check", action="store_true", help="fail when it is stale, write nothing")
    graph.set_defaults(run=write_graph)

    plan = commands.add_parser(
        "plan",
        help="cells, sizes, steps, memory and hours of a study",
        description="What a study will compute, before anything runs, without network and weights: how "
        "each model is trained (what is 'auto' in params.yaml is chosen here), memory of a process by "
        "part, steps, hours, energy, disk. docs/planning.md has the formulas and what is assumed.",
    )
    study_option(plan)
    plan.add_argument(
        "--hardware",
        default=None,
        metavar="NAME",
        help="of one stage: a preset (cpu, rtx4090, rtx3090, a10, l4, a100-40gb, a100-80gb, h100, "
        "h200), several of it (8xh100), nodes of several (4x8xh100), or this: this machine, measured; "
        "default: cpu",
    )
    plan.add_argument(
        "--workers", type=int, default=None, help="stages side by side (default: 2 on cpu, else 1)"
    )
    plan.add_argument("--json", action="store_true", help="print JSON")
    plan.set_defaults(run=show_plan)

    examine.add_command(commands)
    findings.add_commands(commands)
    runs.add_commands(commands)

    export = commands.add_parser("export", help="predictions in the official submission layout")
    export.add_argument("--official", type=Path, required=True, metavar="DIR", help="made by it")
    export.add_argument("--model", default=None)
    export.add_argument("--arm", default=None)
    export.add_argument("--seed", type=int, default=None)
    export.set_defaults(run=export_predictions)

    models = commands.add_parser("models", help="hub checkpoints with exact sizes")
    models.add_argument("--json", action="store_true", help="print JSON")
    models.set_defaults(run=show_models)

    tasks = commands.add_parser("tasks", help="tasks with kind, languages, metrics, licence")
    tasks.add_argument(
        "--all", action="store_true", help="also the lab's, diagnostic and supplementary ones"
    )
    tasks.add_argument(
        "--citations", action="store_true", help="whom to cite and the licence, in place of the rest"
    )
    tasks.add_argument("--json", action="store_true", help="print JSON")
    tasks.set_defaults(run=show_tasks)

    languages = commands.add_parser("languages", help="distances of 50 languages from English")
    languages.add_argument("--json", action="store_true", help="print JSON")
    languages.set_defaults(run=show_languages)

    ui = commands.add_parser("ui", help="the MLflow UI on the study's store")
    ui.add_argument("--port", type=int, default=5000)
    ui.set_defaults(run=show_ui)

    clean = commands.add_parser("clean", help="remove results, stores and scratch of all studies")
    clean.set_defaults(run=remove_results)


def _stages(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, help_text, words in (
        ("prepare", "stage: rows of a task in one schema", ("task",)),
        ("validate", "stage: expectations of a prepared task", ("task",)),
        ("translate", "stage: English training rows in another language", ("task", "language")),
        ("leakage", "stage: no test item stands in training data", ()),
        ("corpus", "stage: pretraining text and tokenizer", ()),
        ("index", "stage: what each arm's intermediate phases read", ()),
        ("pretrain", "stage: masked-language-model pretraining of a model", ("model",)),
        ("warmstart", "stage: an arm's intermediate phases", ("model", "arm")),
        ("finetune", "stage: fine-tune a cell and predict", ("model", "arm", "task")),
        ("heldout", "stage: text that no model is pretrained on", ()),
        ("retention", "stage: earlier tasks scored after each phase", ("model", "arm", "task")),
        ("choose", "stage: the best single intermediate task by English dev", ("task",)),
        ("score", "stage: predictions to scores", ("task",)),
        ("analyse", "stage: scores to gaps, slopes and answers", ()),
        ("report", "stage: the report", ()),
    ):
        stage = commands.add_parser(name, help=help_text)
        for word in words:
            stage.add_argument(word, nargs="?" if name == "score" else None)
        if name == "report":
            stage.add_argument(
                "--partial",
                nargs="+",
                metavar="STAGE",
                help="to report/partial, without what these stages failed to compute",
            )
        stage.set_defaults(run=run_stage, stage=name, words=words)
        if name == "score":
            folder_options(stage)
            stage.set_defaults(run=score_either)
        if name == "analyse":
            rows_options(stage)
            stage.set_defaults(run=analyse_either)


def _directory(arguments: Arguments) -> Path:
    """The study's directory: that of a ``params.yaml``, or made or refreshed from another file."""
    from xlgap import layout
    from xlgap.study_files import materialise

    if arguments.study is None:
        return Path()
    study: Path = arguments.study
    return study.parent if study.name == layout.PARAMS.name else materialise(study)


def run_stage(arguments: Arguments) -> None:
    """Run one stage of the graph in the current directory, in several processes where it trains."""
    from xlgap.launch import refuse_ranks, trains_here

    words = [getattr(arguments, word) for word in arguments.words]
    if arguments.stage in TRAINS:
        if not trains_here([arguments.stage, *words], say=partial(print, file=sys.stderr)):
            return
    else:
        refuse_ranks(arguments.stage)
    from xlgap.stages import report_without, run

    if arguments.stage == "report" and arguments.partial:
        report_without(frozenset(arguments.partial))
        return
    run(arguments.stage, words)


def run_study(arguments: Arguments) -> None:
    """Bring a study up to date through the Prefect flow over DVC's graph."""
    from xlgap.checkout import checkout_root
    from xlgap.graph import write_graph
    from xlgap.launch import check_launcher, refuse_ranks
    from xlgap.stages.study import Study
    from xlgap.stages.summary import closing_lines, store_lines

    check_workers(arguments.workers)
    refuse_ranks("run")
    check_launcher()
    started, since = time.monotonic(), time.time()
    directory = _directory(arguments)
    Study.of(directory).data_dir()  # one sentence now, rather than one in each stage
    check_tracking(checkout_root(directory))
    if write_graph(directory):
        print("graph.yaml was stale: written again from params.yaml.", file=sys.stderr)
    _clear(directory)
    root = checkout_root(directory)
    flow = [sys.executable, str(root / "flows" / "grid.py")]
    command = [*flow, "--directory", str(directory), "--workers", str(arguments.workers)]
    code = run_and_forward_signals(command)
    if code > SIGNALLED and code != Interrupted.exit_code:
        raise FlowKilledError(code)
    if code:
        sys.exit(code)  # the flow has said why
    wall = time.monotonic() - started
    lines = closing_lines(directory, wall=wall, workers=arguments.workers, since=since)
    print("\n".join(lines), flush=True)
    print("\n".join(store_lines(directory)))


def _clear(directory: Path) -> None:
    """Remove outs that left the study, and say which."""
    from xlgap.leftovers import remove_leftovers

    for path in remove_leftovers(directory):
        print(f"removed {directory / path}: no longer in the study.", file=sys.stderr)


def check_tracking(root: Path) -> None:
    """Look at what the user has chosen for runs; the checkout's own store needs no look.

    A server that does not answer is told and waited for by what forwards runs, not by the study.

    Raises:
        ConfigError: the address or the login is malformed.
        XlgapError: the store cannot be opened, or the server will never take a run.
    """
    from xlgap.tracking.uri import VARIABLE, check_uri, server_uri, shown, store_uri

    if not os.environ.get(VARIABLE):
        return
    check_uri(os.environ[VARIABLE])
    server = server_uri()
    from xlgap.tracking.login import login_files
    from xlgap.tracking.reach import asked, refuse, refuses
    from xlgap.tracking.store import initialise

    if server is None:
        initialise(store_uri(root))
        return
    with login_files():
        said = asked(server)
    if said is not None and refuses(said):
        refuse(server, said)
    if said is not None:
        told = "runs are kept here and sent when it answers, or by 'xlgap sync'"
        print(f"note: the MLflow server {shown(server)} {said}; {told}.", file=sys.stderr)


def write_graph(arguments: Arguments) -> None:
    """Write the graph of the study here, or make a study's directory."""
    from xlgap import graph, layout

    directory = _directory(arguments)
    if arguments.check:
        if graph.is_stale(directory):
            raise ConfigError(f"{directory / layout.GRAPH} is stale; run 'make graph'.")
        return
    changed = graph.write_graph(directory)
    _clear(directory)
    print(f"{directory / layout.GRAPH}: {'written' if changed else 'up to date'}")


def show_plan(arguments: Arguments) -> None:
    """Print the plan of a study; nothing is written."""
    from xlgap.cell import grid
    from xlgap.planning import plan_study, prepared_manifests, render, to_json

    if arguments.workers is not None:
        check_workers(arguments.workers)
    directory, params = read(arguments.study)
    named = "cpu" if arguments.hardware is None else arguments.hardware
    hardware, workers = hardware_asked(named, params.train, directory, workers=arguments.workers)
    known = prepared_manifests(directory, params)
    plan = plan_study(
        params,
        grid(params),
        hardware=hardware,
        workers=workers,
        manifests=known,
        directory=directory,
    )
    print(json.dumps(to_json(plan), indent=1) if arguments.json else render(plan))


def export_predictions(arguments: Arguments) -> None:
    """Write the study's predictions in the official submission layout."""
    from xlgap.stages.official import export_notes, export_official
    from xlgap.stages.study import Study

    chosen = {"model": arguments.model, "arm": arguments.arm, "seed": arguments.seed}
    study = Study.here()
    folders = export_official(study, arguments.official, **chosen)
    for note in export_notes(study, folders):
        print(note, file=sys.stderr)
    for folder in folders:
        print(folder)


def score_either(arguments: Arguments) -> None:
    """Score a task of the study, the stage, or a folder of predictions in the official layout.

    Raises:
        ConfigError: both of them, or neither.
    """
    if (arguments.task is None) == (arguments.predictions is None):
        raise ConfigError("xlgap score takes a task of the study, or --predictions DIR, one of them.")
    if arguments.predictions is not None:
        from xlgap.stages.official import print_submission

        print_submission(arguments.predictions, arguments.data, as_json=arguments.json)
        return
    if arguments.data is not None or arguments.json:
        raise ConfigError("xlgap score: --data and --json go with --predictions DIR alone.")
    run_stage(arguments)


def analyse_either(arguments: Arguments) -> None:
    """Analyse the study here, the stage, or a table of anyone's scores.

    Raises:
        ConfigError: options of a table without one.
    """
    if arguments.rows is not None:
        from xlgap.stages.own_rows import analyse_rows

        print("\n".join(analyse_rows(arguments.rows, items=arguments.items, out=arguments.out)))
        return
    if arguments.items is not None or arguments.out is not None:
        raise ConfigError("xlgap analyse: --items and --out go with --rows FILE alone.")
    run_stage(arguments)


def show_models(arguments: Arguments) -> None:
    """Print the catalogue of checkpoints."""
    rows = listings.model_rows()
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    listings.show(rows, listings.MODEL_COLUMNS, terminal=sys.stdout.isatty())


def show_tasks(arguments: Arguments) -> None:
    """Print the benchmark's tasks, or all; the last line, on stderr, says how many others there are."""
    shown, others = listings.listed_tasks(everything=arguments.all)
    if arguments.json:
        print(json.dumps([listings.task_json(task) for task in shown], indent=1, ensure_ascii=False))
    else:
        rows = [listings.task_text(task) for task in shown]
        columns = listings.CITATION_COLUMNS if arguments.citations else listings.TASK_COLUMNS
        listings.show(rows, columns, terminal=sys.stdout.isatty())
    if others:
        told = "the lab's, diagnostic and supplementary ones"
        print(f"{others} more tasks, {told}: xlgap tasks --all", file=sys.stderr)


def show_languages(arguments: Arguments) -> None:
    """Print how far each language is from English, and what the distances rest on."""
    if arguments.json:
        print(json.dumps(listings.language_rows(), indent=1, ensure_ascii=False))
        return
    listings.show(listings.language_lines(), listings.LANGUAGE_COLUMNS, terminal=sys.stdout.isatty())
    print(listings.MISSING_FEATURES, file=sys.stderr)


def show_ui(arguments: Arguments) -> None:
    """Start the MLflow UI on the checkout's store; ends with Ctrl-C.

    Raises:
        ConfigError: the port is none, or is taken; the address of the store is malformed.
        XlgapError: the server ended by itself, whatever exit code MLflow gives it.
    """
    from xlgap.checkout import checkout_root
    from xlgap.tracking.server import HOST, check_port, serve
    from xlgap.tracking.uri import VARIABLE, check_uri, server_uri, shown, store_uri

    check_port(arguments.port)
    if os.environ.get(VARIABLE):
        check_uri(os.environ[VARIABLE])
    from xlgap.tracking.store import initialise
    from xlgap.tracking.summary import study_pages

    uri, server = store_uri(checkout_root(Path())), server_uri()
    initialise(uri)
    address = f"http://{HOST}:{arguments.port}"
    print(f"MLflow UI: {address}  (store {shown(uri)})", file=sys.stderr)
    if server is not None:
        print(f"the runs of all are at {shown(server)}; here are those of this store.", file=sys.stderr)
    for study, page in study_pages(uri).items():
        print(f"gaps against size, {study}: {address}{page}", file=sys.stderr)
    serve(uri, port=arguments.port)
    raise XlgapError("the MLflow UI has ended by itself; what it said last stands above.")


def remove_results(arguments: Arguments) -> None:
    """Remove what studies leave, in the checkout and in the directories of its studies."""
    from xlgap.checkout import checkout_root
    from xlgap.leftovers import remove_everything

    remove_everything(checkout_root(Path()))

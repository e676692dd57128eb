"""Commands for tracked runs: to a shared server, into its registry, and run again."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from xlgap import listings
from xlgap.errors import ConfigError, XlgapError

Arguments = argparse.Namespace


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Their words and options."""
    sync = commands.add_parser(
        "sync",
        help="send the runs of this checkout to the shared MLflow server",
        description="Sends what the server lacks of the runs in the local store: figures of all steps, "
        "params, tags, data sets, artifacts. Run again, it sends nothing twice; runs of several "
        "machines with the same digest are one run there. xlgap run does it in the background and at "
        "its end.",
    )
    to_option(sync)
    sync.set_defaults(run=sync_runs)

    listed = commands.add_parser(
        "runs",
        help="the MLflow runs behind the study's scores",
        description="Of each cell and seed that is done: the digest, the id of its run in the local "
        "store and, where MLFLOW_TRACKING_URI names one, at the server.",
    )
    for option in ("--model", "--arm", "--task"):
        listed.add_argument(option, default=None, metavar="NAME")
    listed.add_argument("--seed", type=int, default=None)
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(run=list_runs)

    best = commands.add_parser(
        "register",
        help="put the best model of each regime into MLflow's registry",
        description="Of each regime and task the model with the best mean dev score, with its test "
        "scores as tags and its weights, as the version that the alias 'best' names. Again, it changes "
        "nothing.",
    )
    to_option(best)
    best.add_argument("--no-weights", action="store_true", help="scores alone, no weights")
    best.set_defaults(run=register_models)

    again = commands.add_parser(
        "reproduce",
        help="train a run's cell and seed again, and compare its predictions",
        description="Makes a clone at the run's commit, pulls what the cell reads from the DVC remote, "
        "trains this cell and seed, and compares the predictions line by line. Exit code 0: identical; "
        "3: not identical; 2: it could not be run.",
    )
    again.add_argument("run_id", metavar="RUN_ID", help="the run's id, or its tag xlgap.digest")
    again.add_argument(
        "--from",
        dest="store",
        default=None,
        metavar="URI",
        help="the MLflow server or store that has the run (default: the checkout's, then "
        "MLFLOW_TRACKING_URI)",
    )
    again.add_argument(
        "--directory",
        type=Path,
        default=None,
        metavar="DIR",
        help="where the clone goes (default: .xlgap/reproduce/RUN_ID)",
    )
    again.set_defaults(run=run_again)


def to_option(command: argparse.ArgumentParser) -> None:
    """Which server."""
    command.add_argument(
        "--to",
        default=None,
        metavar="URI",
        help="the server (default: MLFLOW_TRACKING_URI); its login: MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or files that ..._FILE names",
    )


def server_asked(option: str, uri: str | None) -> str:
    """The server that an option names, else the environment.

    Raises:
        ConfigError: neither does, the address is malformed, or it has a password.
    """
    from xlgap.tracking.login import refuse_password
    from xlgap.tracking.uri import VARIABLE, check_uri, server_uri

    if uri is not None:
        refuse_password(option, uri)
    found = uri or server_uri()
    if found is None:
        raise ConfigError(
            f"no MLflow server is known; give {option} http://HOST:PORT, or set {VARIABLE} to its "
            "address."
        )
    check_uri(found)
    return found


def sync_runs(arguments: Arguments) -> None:
    """Send the runs of the checkout's store to the server, with a bar on a terminal."""
    from xlgap.checkout import checkout_root
    from xlgap.stages.forward import send
    from xlgap.stages.untold import tell
    from xlgap.tracking.uri import store_uri

    server, store = server_asked("--to", arguments.to), store_uri(checkout_root(Path()))
    tell(store)
    print(send(store, server, patience=0))


def run_again(arguments: Arguments) -> None:
    """Train a run's cell again and compare."""
    from xlgap.checkout import checkout_root
    from xlgap.stages.reproduce import WANTED, reproduce
    from xlgap.tracking.past import find_run
    from xlgap.tracking.uri import server_uri, store_uri

    root = checkout_root(Path())
    if arguments.store is not None:
        stores = [server_asked("--from", arguments.store)]
    else:
        server = server_uri()
        stores = [store_uri(root), *([] if server is None else [server])]
    run = find_run(stores, arguments.run_id, wanted=WANTED)
    folder = arguments.directory or root / ".xlgap" / "reproduce" / run.id
    print("\n".join(reproduce(run, root, folder)))


def register_models(arguments: Arguments) -> None:
    """Put the best models into the registry of the server, or of the checkout's store without one."""
    from xlgap.checkout import checkout_root
    from xlgap.stages.forward import send
    from xlgap.stages.register import candidates
    from xlgap.stages.study import Study
    from xlgap.tracking.registry import register
    from xlgap.tracking.uri import server_uri, store_uri

    study, store = Study.here(), store_uri(checkout_root(Path()))
    found = candidates(study, weights=not arguments.no_weights)
    target = store
    if arguments.to is not None or server_uri() is not None:
        target = server_asked("--to", arguments.to)
        print(send(store, target, patience=0))
    print("\n".join(register(target, found)))


def list_runs(arguments: Arguments) -> None:
    """Print which runs cells have."""
    from xlgap.stages.runs import AT_SERVER, COLUMNS, runs_of
    from xlgap.stages.study import Study
    from xlgap.tracking.uri import server_uri

    study, server = Study.here(), server_uri()
    asked = {name: getattr(arguments, name) for name in ("model", "arm", "task", "seed")}
    there = {} if server is None else _at_server(server, study.experiment)
    found = runs_of(study, **asked, at_server=there)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    columns = [name for name in COLUMNS if name != AT_SERVER or server is not None]
    listings.show(found, columns, terminal=sys.stdout.isatty())


def _at_server(server: str, experiment: str) -> dict[str, str]:
    """Ids of the shared server's runs by digest; where it cannot be asked, that is told."""
    from xlgap.tracking.past import ids_by_digest

    try:
        return ids_by_digest(server, experiment)
    except XlgapError as error:
        print(f"no ids at the server: {error}", file=sys.stderr)
        return {}

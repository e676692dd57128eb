"""Commands for tracked runs: to a shared server, into its registry, and run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from xlgap.errors import ConfigError

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

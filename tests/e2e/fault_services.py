"""Servers of a study that is harmed, and a way to them that is slow or closed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from fault_left import Store
from mlflow_servers import MlflowServer
from prefect_server import PrefectServer, running_server
from services import S3, Postgres


class Service(Protocol):
    """A server that can be ended and started again with what it holds, on the same port."""

    port: int

    def start(self) -> None:
        """Start it and wait for its answer."""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End all its processes."""


class Proxy:
    """Passes bytes on to a port of this machine, late where it is told so, or not at all."""

    def __init__(self, target: int) -> None:
        self.target, self.seconds, self.refuses = target, 0.0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection there is, and refuse others until :attr:`refuses` is false again."""
        self.refuses = True
        for side in list(self._open):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            asking, _ = self._listener.accept()
            if self.refuses:
                asking.close()
                continue
            try:
                answering = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                asking.close()
                continue
            for pair in ((asking, answering), (answering, asking)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket) -> None:
        self._open.add(source)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.seconds)
                to.sendall(data)
        self._open.discard(source)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


class _PrefectService:
    """A Prefect server as a :class:`Service`."""

    def __init__(self, server: PrefectServer) -> None:
        self.server, self.port = server, server.port

    def start(self) -> None:
        self.server.serve()

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert number == signal.SIGKILL, "running_server stops it in good order"
        self.server.kill()


class Servers:
    """Those that a world has, by name, and what a study and a reader of its runs need of them."""

    def __init__(self) -> None:
        self.by_name: dict[str, Service] = {}
        self.proxies: dict[str, Proxy] = {}
        self.prefect: PrefectServer | None = None
        self.store: Store | None = None

    def port(self, name: str) -> int:
        """Where a study finds a server."""
        return self.proxies[name].port if name in self.proxies else self.by_name[name].port

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a study's commands."""
        found = {}
        if "mlflow" in self.by_name:
            found["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{self.port('mlflow')}"
            found["XLGAP_FORWARD_SECONDS"] = "1"
        if "prefect" in self.by_name:
            found["PREFECT_API_URL"] = f"http://127.0.0.1:{self.port('prefect')}/api"
            assert self.prefect is not None
            found["PREFECT_HOME"] = self.prefect.environment["PREFECT_HOME"]
        return found


@contextlib.contextmanager
def servers(folder: Path, needs: frozenset[str], known: Mapping[str, str]) -> Iterator[Servers]:
    """Start what is needed of ``postgres``, ``s3``, ``mlflow``, ``prefect``; ``network``: by proxies.

    Args:
        folder: for all that they hold.
        needs: names.
        known: variables of the Prefect server and of what is started with it.
    """
    found = Servers()
    urls: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        if "postgres" in needs:
            base = Postgres(folder / "postgres")
            _begin(stack, found, "postgres", base)
            urls = {
                "mlflow": base.url("mlflow", "psycopg2"),
                "prefect": base.url("prefect", "asyncpg"),
            }
        if "s3" in needs:
            _begin(stack, found, "s3", S3(folder / "s3"))
        if "mlflow" in needs:
            found.store = _mlflow(stack, found, folder, urls.get("mlflow", ""))
        if "prefect" in needs:
            more = {"PREFECT_API_DATABASE_CONNECTION_URL": urls["prefect"]} if urls else {}
            server = stack.enter_context(running_server(folder / "prefect", {**known, **more}))
            found.prefect, found.by_name["prefect"] = server, _PrefectService(server)
        if "network" in needs:
            found.proxies |= {name: Proxy(one.port) for name, one in found.by_name.items()}
        yield found


def _begin(stack: contextlib.ExitStack, found: Servers, name: str, service: Service) -> None:
    stack.callback(service.stop)
    service.start()
    found.by_name[name] = service


def _mlflow(stack: contextlib.ExitStack, found: Servers, folder: Path, url: str) -> Store:
    """An MLflow server; its files are in the S3 store, where there is one."""
    home, s3 = folder / "mlflow", found.by_name.get("s3")
    server = MlflowServer(home, store=url)
    artifacts = home / "artifacts"
    if isinstance(s3, S3):
        artifacts = s3.folder / "dvc" / "mlflow"
        server.artifacts = "s3://dvc/mlflow"
        server.environment = {
            "MLFLOW_S3_ENDPOINT_URL": s3.endpoint,
            "AWS_ACCESS_KEY_ID": s3.key,
            "AWS_SECRET_ACCESS_KEY": s3.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    _begin(stack, found, "mlflow", server)
    return Store(url or f"sqlite:///{home}/server.db", artifacts)


def end_below(folder: Path) -> None:
    """SIGKILL every process that works in a folder of ours, and wait for their end."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder):
                process.kill()
                found.append(process)
    psutil.wait_procs(found, 20)

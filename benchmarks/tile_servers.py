"""The servers of the tile benchmark and the clients that load them; loopback only, bounded in time.

The same client measures both servers: threads with one kept-alive connection each, which take the next address from a
shuffled ring and read the whole body. Every answer must be 200 or 204.
"""

from __future__ import annotations

import http.client
import itertools
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from kunyu.engines.maps.tiles import TileAddress
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
PARCELS = "10401-003"


@dataclass(frozen=True)
class Server:
    """A running tile server on this machine: its port, its way to write a tile's path, headers it wants."""

    port: int
    path: Callable[[TileAddress], str]
    headers: dict[str, str] = field(default_factory=dict)
    version: str = ""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        """One answer, whole."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers=self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@dataclass(frozen=True)
class Load:
    """What to ask: tile paths, how many connections, for how long."""

    paths: list[str]
    connections: int
    seconds: float


def measure(server: Server, load: Load) -> float:
    """Answers per second. Every connection works until the time is over; the last answers count with their time."""
    addresses = itertools.cycle(load.paths)
    taking, counts, failures = threading.Lock(), [], []
    begun = time.perf_counter()

    def work() -> None:
        connection, done = server.connect(), 0
        try:
            while time.perf_counter() - begun < load.seconds:
                with taking:
                    path = next(addresses)
                connection.request("GET", path, headers=server.headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 204):
                    raise RuntimeError(f"{path}: {answer.status}")
                done += 1
        except Exception as error:  # noqa: BLE001 - told to the caller below, from every thread
            failures.append(error)
        finally:
            counts.append(done)
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(load.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if failures:
        raise RuntimeError(f"{len(failures)} of {load.connections} connections failed, first: {failures[0]!r}")
    return sum(counts) / seconds


def median_rate(rounds: list[float]) -> float:
    return statistics.median(rounds)


def pgbench_rate(cluster: PrivateCluster, scripts: list[Path], seconds: float) -> float:
    """Statements per second of ``pgbench -c 2 -j 2 -M prepared`` over the scripts, as a member of the tables' owner."""
    given = conninfo_to_dict(cluster.dsn("kunyu"))
    command = [
        cluster.programs.path("pgbench"), "--no-vacuum", "-c", "2", "-j", "2", "-M", "prepared", "-T", str(int(seconds)),
        "-h", str(given["host"]), "-p", str(given["port"]), "-U", str(given["user"]),
        *(part for script in scripts for part in ("-f", str(script))), str(given["dbname"]),
    ]  # fmt: skip
    environment = {**os.environ, "PGPASSWORD": str(given["password"])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if found is None or "failed transactions: 0" not in done.stdout:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return float(found[1])


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int, log: Path, health: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=ROOT)
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                    probe.request("GET", health)
                    if probe.getresponse().status == 200:
                        break
                except OSError:
                    pass
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[:4]} did not start:\n{log.read_text()[-3000:]}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def run_node(home: Path, environment: dict[str, str], token: str, query: str = "?geometry=full") -> Iterator[Server]:
    """The node's web server as the supervisor starts it: two workers, two threads each; full geometry unless asked."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "2", "--no-ws", "--no-access-log", "kunyu.project.wsgi:application",
    ]  # fmt: skip
    with running(command, {**os.environ, **environment}, port, home / "node.log", "/healthz"):
        yield Server(
            port,
            lambda a: f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/{a.zoom}/{a.row}/{a.column}{query}",
            {"Authorization": f"Bearer {token}"},
        )


@contextmanager
def run_tipg(
    cluster: PrivateCluster, home: Path, relation: str, attributes: tuple[str, ...], limit: int | None = 1_000_000
) -> Iterator[Server]:
    """tipg of PyPI in its own environment, two uvicorn workers; ``limit`` of features per tile, None for its own."""
    folder = home / "tipg"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "tipg", "uvicorn[standard]"], check=True)
    said = subprocess.run([str(python), "-c", "from importlib.metadata import version; print(version('tipg'))"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    given = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(cluster.dsn("kunyu")).items()}
    # its settings want a host in the address; asyncpg takes an escaped folder for the socket
    address = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**given)
    port = free_port()
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "DATABASE_URL": address,
           "TIPG_DB_SCHEMAS": '["onemap"]', "TIPG_DB_MIN_CONN_SIZE": "1", "TIPG_DB_MAX_CONN_SIZE": "2"}  # fmt: skip
    if limit is not None:
        own["TIPG_MAX_FEATURES_PER_TILE"] = str(limit)
    command = [
        str(python), "-m", "uvicorn", "tipg.main:app", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
        "--log-level", "warning",
    ]  # fmt: skip
    listed = ",".join(attributes)
    with running(command, own, port, home / "tipg.log", "/healthz"):
        yield Server(
            port,
            lambda a: f"/collections/{relation}/tiles/WebMercatorQuad/{a.zoom}/{a.column}/{a.row}?properties={listed}",
            version=said.stdout.strip(),
        )

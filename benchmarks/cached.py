"""Tiles that are known already: conditional, cached in the node, and through nginx.

Peers are what the same servers do at best, in the same run: the node's ``/healthz`` (a view that does nothing, behind the
same middleware and workers) for what the node answers, and nginx serving the very bytes as a file for what nginx answers.

* ``cached.conditional``: known tiles asked for with their ETag: who asks, what is granted and the ETag, no tile read.
* ``cached.tiles``: the same without ETag, from the node's cache; also the record of the read in the audit.
* ``cached.restricted``: the same for somebody with fifty grants, county by county at two ceilings.
* ``cached.nginx``: public tiles, asked for by nobody in particular, through nginx; the file beside it, same nginx.
* ``cached.nginx_private``: the tiles of ``cached.tiles`` through nginx, which asks the node each time; no bar.

``wrk`` puts the load where it is installed (two threads, 16 connections), else ``benchmarks.load``; both run on the same
machine. Rounds alternate; the median of the rounds' ratios counts.

Run: ``python -m benchmarks.cached [--parcels N] [--seconds S] [--rounds R]``; folders as for tiles.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tiles
from benchmarks.features import _restricted_token
from benchmarks.load import Asked, put_load
from benchmarks.tile_servers import Server, free_port, run_node, running

if TYPE_CHECKING:
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "cached.json"
BAR_NODE, BAR_NGINX = 0.7, 0.8
CONNECTIONS, FEW = 16, 100
Round = Callable[[], float]


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-cached-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, asked.parcels)
        environment = {**environment, "KUNYU_MAPS_TILE_MEMORY_MIB": "64", "KUNYU_MAPS_TILE_DISK_MIB": "1024"}
        rows = _measure_all(cluster, home, environment, asked, records)
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<22} {row['project']:>9} {row['peer']:>9} requests/s  ratio {row['ratio']:<7} "
              f"bar {row['bar'] or '-':<5} {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _measure_all(
    cluster: PrivateCluster, home: Path, environment: dict[str, str], asked: argparse.Namespace, records: int
) -> list[dict[str, Any]]:
    token, narrow = tiles._token(), _restricted_token()
    addresses = tiles._tiles_with_data()[:: max(1, len(tiles._tiles_with_data()) // FEW)][:FEW]
    about = {"versions": {**tiles._versions(), **_nginx_version()}, "machine": tiles._machine()}
    work = {"parcels": records, "tiles": len(addresses), "connections": CONNECTIONS, "seconds": asked.seconds,
            "rounds": asked.rounds, "load_generator": f"{'wrk' if shutil.which('wrk') else 'benchmarks.load'}, same machine"}  # fmt: skip
    rows = []
    with run_node(home, environment, token) as node, _in_front(home, node) as nginx:
        paths = [node.path(address) for address in addresses]
        tags = [_warm(node, path) for path in paths]
        whole, part = node.headers, {"Authorization": f"Bearer {narrow}"}
        for path in paths:
            _get(node, path, part)
        known = [{**whole, "If-None-Match": tag} for tag in tags]
        empty = _load(node.port, ["/healthz"], {}, asked.seconds, home)
        sides: dict[str, Round] = {
            "cached.conditional": _load(node.port, paths, known, asked.seconds, home, 304),
            "cached.tiles": _load(node.port, paths, whole, asked.seconds, home),
            "cached.restricted": _load(node.port, paths, part, asked.seconds, home),
            "cached.nginx_private": _load(nginx.port, paths, whole, asked.seconds, home),
        }
        for name, side in sides.items():
            bar = None if name.endswith("private") else BAR_NODE
            rows.append(_compared(name, {**work, "peer": "an empty view (/healthz) of the same node"}, side, empty, bar, asked.rounds, about))  # fmt: skip
        with _public():
            files = _as_files(home, nginx, paths)
            side = _load(nginx.port, paths, {}, asked.seconds, home)
            peer = _load(nginx.port, files, {}, asked.seconds, home)
            rows.append(_compared("cached.nginx", {**work, "peer": "the same nginx serving the tiles as files"}, side, peer, BAR_NGINX, asked.rounds, about))  # fmt: skip
    return rows


def _compared(
    name: str, work: dict[str, Any], side: Round, peer: Round, bar: float | None, rounds: int, about: dict[str, Any]
) -> dict[str, Any]:
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(peer())
        ours.append(side())
    row = tiles._row(name, {**work, "project_rounds": ours, "peer_rounds": theirs}, ours, theirs, bar or 0.0, about)
    return {**row, "bar": bar}


def _load(port: int, paths: list[str], headers: Any, seconds: float, home: Path, status: int = 200) -> Round:
    """One round of load; wrk needs whole seconds and says itself when an answer is no 2xx or 3xx."""
    if not shutil.which("wrk"):
        return lambda: put_load(Asked(port, paths, CONNECTIONS, seconds, headers), (status, 204)).rate
    each = [headers] * len(paths) if isinstance(headers, dict) else headers
    script = home / f"wrk-{len(list(home.glob('wrk-*.lua')))}.lua"
    formatted = ",\n".join(
        f'wrk.format("GET", "{path}", {{{", ".join(f"""["{k}"]={json.dumps(v)}""" for k, v in one.items())}}})'
        for path, one in zip(paths, each, strict=True)
    )
    script.write_text(
        f"init = function(args) asked = {{{formatted}}}; place = 0 end\n"
        "request = function() place = place % #asked + 1; return asked[place] end\n"
        f"response = function(status) if status ~= {status} and status ~= 204 then wrk.thread:stop() end end\n"
        if status != 200
        else f"init = function(args) asked = {{{formatted}}}; place = 0 end\n"
        "request = function() place = place % #asked + 1; return asked[place] end\n",
        encoding="utf-8",
    )
    command = [
        "wrk",
        "-t2",
        f"-c{CONNECTIONS}",
        f"-d{max(1, int(seconds))}s",
        "-s",
        str(script),
        f"http://127.0.0.1:{port}",
    ]

    def once() -> float:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if found is None or "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(said)
        return float(found[1])

    return once


def _get(server: Server, path: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
    connection = server.connect()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return answer.status, body, str(answer.headers["ETag"])
    finally:
        connection.close()


def _warm(node: Server, path: str) -> str:
    return _get(node, path, node.headers)[2]


@contextmanager
def _in_front(home: Path, node: Server) -> Iterator[Server]:
    """nginx as ``kunyu up`` configures it, before the node."""
    from kunyu.project.runtime import front
    from kunyu.project.runtime.node_settings import NodeSettings

    program = front.find_nginx()
    if program is None:
        raise SystemExit("nginx is not installed: tools/system_packages.sh test")
    settings = NodeSettings(home=home, port=free_port())
    (home / "log").mkdir(exist_ok=True)
    front.write_configuration(settings, node.port, free_port(), home / "tile-files")
    link = front.folder_of(home) / "public" / "static"
    link.unlink(missing_ok=True)
    (home / "tile-files").mkdir(exist_ok=True)
    link.symlink_to(home / "tile-files")
    with running(
        front.command(program, home), dict(os.environ), settings.port, home / "log" / "nginx.out.log", "/healthz"
    ):
        yield Server(settings.port, node.path, node.headers)
    front.stop_left(home)


def _as_files(home: Path, nginx: Server, paths: list[str]) -> list[str]:
    """The public tiles as files below nginx's ``/static/``; their paths."""
    made = []
    for number, path in enumerate(paths):
        _, body, _ = _get(nginx, path, {})
        (home / "tile-files" / f"{number}.pbf").write_bytes(body)
        made.append(f"/static/{number}.pbf")
    return made


@contextmanager
def _public() -> Iterator[None]:
    """The parcels are open to everybody for the time of a measurement."""
    from kunyu.engines.catalogue.models import Dataset
    from kunyu.engines.security.models import Label

    mine = Label.objects.filter(collection=tiles.PARCELS, state="approved")
    before = mine.values("secrecy", "grading", "sharing").first()
    mine.update(secrecy=0, grading=0, sharing=0)
    made = None if before else Label.objects.create(
        collection=tiles.PARCELS, secrecy=0, grading=0, sharing=0, state="approved", proposed_by="a", decided_by="b"
    )  # fmt: skip
    Dataset.objects.filter(code=tiles.PARCELS).update(is_public=True)
    try:
        yield
    finally:
        Dataset.objects.filter(code=tiles.PARCELS).update(is_public=False)
        if made is not None:
            made.delete()
        elif before is not None:
            mine.update(**before)


def _nginx_version() -> dict[str, str]:
    from kunyu.project.runtime.front import find_nginx

    said = subprocess.run([str(find_nginx()), "-v"], capture_output=True, text=True, check=False).stderr
    return {"nginx": said.strip().rpartition("/")[2]}


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)

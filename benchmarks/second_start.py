"""From ``make up`` on a stopped node that ran before, to its first map tile (bar: 10 seconds; there is no peer).

The node of this benchmark has its own state folder and port, so that a node in use is left alone. The first start makes
it and loads the sample county and is not counted.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "second_start.json"
BAR_SECONDS = 10.0
ZOOM = 14


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Run it three times and write the slowest."""
    home = Path(tempfile.mkdtemp(prefix="ky-bench-"))
    home.chmod(0o711)
    environment = {**os.environ, "KUNYU_HOME": str(home), "KUNYU_PORT": str(_free_port())}
    try:
        _run(["make", "up"], environment)
        address = f"http://127.0.0.1:{environment['KUNYU_PORT']}"
        issued = _run([".venv/bin/kunyu", "token", "issue", "--user", "viewer", "--name", "bench"], environment)
        token = issued.strip().splitlines()[-1]
        seconds = [_stopped_to_tile(environment, address, token) for _ in range(3)]
    finally:
        subprocess.run([".venv/bin/kunyu", "down"], cwd=ROOT, env=environment, check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
    worst = round(max(seconds), 2)
    row = {
        "name": "second_start",
        "work": {"what": "make up on a stopped node, to the first z14 tile", "unit": "s", "runs": seconds},
        "project": worst,
        "peer": None,
        "ratio": None,
        "bar": BAR_SECONDS,
        "met": worst <= BAR_SECONDS,
        "versions": {"python": platform.python_version()},
        "machine": {"cores": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg()[0]},
    }
    RESULT.write_text(json.dumps([row], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"second_start {worst} s, bar {BAR_SECONDS} s: {'met' if row['met'] else 'NOT MET'}")
    return [row]


def _stopped_to_tile(environment: dict[str, str], address: str, token: str) -> float:
    _run([".venv/bin/kunyu", "down"], environment)
    started = time.perf_counter()
    _run(["make", "up"], environment)
    collection = _get(f"{address}/ogc/collections/10401-003", token)
    west, south, east, north = json.loads(collection)["extent"]["spatial"]["bbox"][0]
    column, row = _tile((west + east) / 2, (south + north) / 2)
    tile = _get(f"{address}/ogc/collections/10401-003/tiles/WebMercatorQuad/{ZOOM}/{row}/{column}", token)
    if len(tile) < 1000:
        raise SystemExit(f"the tile holds {len(tile)} bytes: no parcels")
    return round(time.perf_counter() - started, 2)


def _tile(lon: float, lat: float) -> tuple[int, int]:
    """Column and row of the web-mercator tile at ``ZOOM`` that holds a place (degrees)."""
    size = 2**ZOOM
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * size), int(row * size)


def _get(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main([])

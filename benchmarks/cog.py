"""Raster tiles of one COG: the node against titiler from PyPI, same file, same tiles, same stretch, distinct addresses.

The image of the shared data (``raster/cog/cog.tif``) is delivered and published through the node's own walk; titiler
reads the very object that lies in the store. Both run two workers on this machine, under the same load of 8 connections
from the same client; every address is asked once in a round (cold tiles), and rounds alternate. The node identifies a
person, resolves his rights, asks the database for the images and writes its audit; titiler does none of that.

Run: ``python -m benchmarks.cog [--seconds S] [--rounds R] [--image NAME]``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.tile_servers import Load, Server, free_port, measure, median_rate, run_node, running

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "cog.json"
DATASET, COUNTY, SEED, BAR, CONNECTIONS = "10102-901@990101", "990101", 11, 1.0, 8
IMAGES = {"cog.tif": (0, 3000), "TCI.tif": None}
ZOOMS = {"cog.tif": (8, 9, 10, 11), "TCI.tif": (10, 11, 12, 13)}
MOST_TILES = 300
_OK = 200


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image", choices=sorted(IMAGES))
    asked = parser.parse_args(arguments)
    rasters = Path(os.environ.get("KUNYU_SHARED_DATA", ROOT.parent / "shared" / "data")) / "raster" / "cog"
    if not rasters.is_dir():
        raise SystemExit("the shared data sets are not at hand (KUNYU_SHARED_DATA)")
    names = [asked.image] if asked.image else list(IMAGES)
    rows = [_one(rasters / name, asked.seconds, asked.rounds) for name in names]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<12} {row['project']:>8} {row['peer']:>8} tiles/s  ratio {row['ratio']}  bar {row['bar']}  "
              f"{'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _one(image: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """One image in a cluster of its own."""
    home = Path(tempfile.mkdtemp(prefix="ky-bench-cog-"))
    home.chmod(0o711)
    command = [sys.executable, "-m", "benchmarks.cog_node", str(home), str(image)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        made = json.loads(done.stdout.splitlines()[-1])
        return _measured(image.name, home, made, seconds, rounds)
    finally:
        _stop(home)
        shutil.rmtree(home, ignore_errors=True)


def _stop(home: Path) -> None:
    from kunyu.project.runtime.cluster import PrivateCluster

    PrivateCluster(home).stop()


def _measured(name: str, home: Path, made: dict[str, Any], seconds: float, rounds: int) -> dict[str, Any]:
    limits = IMAGES[name]
    stretch = f"rescale={limits[0]},{limits[1]}" if limits else ""
    tiles = _tiles(Path(made["object"]), ZOOMS[name])
    ours, theirs = [], []
    with run_titiler(home) as peer, run_node(home, made["environment"], made["token"]) as node:
        our_paths = [f"/ogc/collections/{DATASET}/map/tiles/WebMercatorQuad/{z}/{y}/{x}?{stretch}" for z, x, y in tiles]
        their_paths = [
            f"/cog/tiles/WebMercatorQuad/{z}/{x}/{y}.png?url={made['object']}{'&' + stretch if stretch else ''}"
            for z, x, y in tiles
        ]
        # at its slanting edges the image leaves tiles of its box empty: titiler answers those with an error, so neither is asked
        shown = [
            n for n, path in enumerate(their_paths) if peer.get(path)[0] == _OK and node.get(our_paths[n])[0] == _OK
        ]
        our_paths, their_paths = [our_paths[n] for n in shown], [their_paths[n] for n in shown]
        agreed = _agree(node, peer, list(zip(our_paths, their_paths, strict=True))[:12])
        for server, paths in ((node, our_paths), (peer, their_paths)):
            measure(server, Load(paths, CONNECTIONS, min(seconds, 4)))
        for _ in range(rounds):
            theirs.append(measure(peer, Load(their_paths, CONNECTIONS, seconds)))
            ours.append(measure(node, Load(our_paths, CONNECTIONS, seconds)))
        version = peer.version
    project, other = median_rate(ours), median_rate(theirs)
    ratio = median_rate([one / two for one, two in zip(ours, theirs, strict=True)])
    work = {
        "image": name, "tiles": len(shown), "zooms": list(ZOOMS[name]), "connections": CONNECTIONS, "seconds": seconds,
        "rounds": rounds, "unit": "tiles/s", "stretch": stretch, "pixels_agreeing": agreed,
        "project_rounds": [round(one, 1) for one in ours], "peer_rounds": [round(one, 1) for one in theirs],
        "load_generator": "same machine",
    }  # fmt: skip
    return {"name": f"cog.{Path(name).stem}", "work": work, "project": round(project, 1), "peer": round(other, 1),
            "ratio": round(ratio, 3), "bar": BAR, "met": ratio >= BAR, "versions": {**_versions(), "titiler": version},
            "machine": _machine()}  # fmt: skip


def _tiles(image: Path, zooms: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Distinct tiles (z, x, y) of the image at several levels, shuffled."""
    import morecantile
    import rasterio
    from rasterio.warp import transform_bounds

    with rasterio.open(image) as source:
        bounds = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
    found = [(t.z, t.x, t.y) for t in morecantile.tms.get("WebMercatorQuad").tiles(*bounds, zooms)]
    random.Random(SEED).shuffle(found)
    return found[:MOST_TILES]


def _agree(node: Server, peer: Server, pairs: list[tuple[str, str]]) -> float:
    """Share of opaque pixels that both draw alike (within 2 of 255): the work is the same work."""
    import io

    import numpy as np
    from PIL import Image

    same = seen = 0
    for ours, theirs in pairs:
        status, data = node.get(ours)
        other_status, other = peer.get(theirs)
        if status != 200 or other_status != 200:
            raise RuntimeError(f"{ours}: {status} {data[:200]!r}; {theirs}: {other_status} {other[:200]!r}")
        a, b = (np.asarray(Image.open(io.BytesIO(one)).convert("RGBA")).astype(int) for one in (data, other))
        both = (a[..., 3] > 0) & (b[..., 3] > 0)
        seen += int(both.sum())
        same += int((np.abs(a - b).max(axis=-1) <= 2)[both].sum())
    if not seen or same / seen < 0.95:
        raise RuntimeError(f"the servers draw different pictures: {same} of {seen} pixels agree")
    return round(same / seen, 4)


@contextmanager
def run_titiler(home: Path) -> Iterator[Server]:
    """titiler.application of PyPI in an environment of its own, two uvicorn workers, GDAL set as its docs advise."""
    folder = Path(os.environ.get("KUNYU_BENCH_TITILER", home / "titiler"))
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "titiler.application", "uvicorn[standard]"], check=True
        )
    said = subprocess.run([str(python), "-c", "from importlib.metadata import version; print(version('titiler-application'))"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    port = free_port()
    own = {
        "PATH": os.environ["PATH"], "HOME": str(home), "GDAL_CACHEMAX": "200", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "VSI_CACHE": "TRUE", "VSI_CACHE_SIZE": "5000000", "GDAL_HTTP_MULTIPLEX": "YES",
    }  # fmt: skip
    command = [
        str(python), "-m", "uvicorn", "titiler.application.main:app", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--log-level", "warning",
    ]  # fmt: skip
    with running(command, own, port, home / "titiler.log", "/healthz"):
        yield Server(port, lambda a: "", version=said.stdout.strip())


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "python": sys.version.split()[0],
        **{n: version(n) for n in ("django", "granian", "rasterio", "numpy", "pillow")},
    }


def _machine() -> dict[str, Any]:
    import platform

    return {"cpus": os.cpu_count(), "system": platform.platform(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)

"""Rules that run at once share their layers: no thread may prepare what another holds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import shapely

from kunyu.kernel.geometry.prepared import prepared

TOGETHER = """
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely
from kunyu.kernel.geometry.coverage import gaps

angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
wavy = 1000 + 20 * np.sin(40 * angle)
county = np.array([shapely.Polygon(np.column_stack((wavy * np.cos(angle), wavy * np.sin(angle))))], object)
edges = np.linspace(-1100, 1100, 45)
parcels = np.array([shapely.box(x, y, x + 50, y + 50) for x in edges[:-1] for y in edges[:-1]], object)
sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(4) as pool:
    found = [one.result() for one in [pool.submit(gaps, parcels, county) for _ in range(60)]]
assert len({tuple(one.area) for one in found}) == 1
print("whole", len(found[0]))
"""


def test_a_prepared_copy_leaves_the_original_alone() -> None:
    shapes = np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)], object)

    own = prepared(shapes)

    assert shapely.is_prepared(own).all() and not shapely.is_prepared(shapes).any()
    assert shapely.equals(own, shapes).all()
    assert prepared(shapes[0]).equals(shapes[0])


def test_checks_that_run_at_once_may_share_a_boundary() -> None:
    """In a process of its own: what this holds off is a crash of the process, in one run out of a few."""
    run = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, timeout=110)

    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.startswith("whole ")

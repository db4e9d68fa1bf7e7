"""A scan of 200 MB is taken, a larger one refused, in constant memory (each in a process of its own)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, resource, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "kunyu.project.settings"
import django
django.setup()
from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import taking
from kunyu.engines.matters.materials.settings import material_settings
from kunyu.engines.matters.materials.tests import samples

head, length, tail = samples.large_pdf_head(int(sys.argv[1]))

class Stream:
    def __init__(self):
        self.rest = [head, length, tail]
    def read(self, size):
        first = self.rest[0] if self.rest else b""
        if isinstance(first, int):
            given = min(size, first)
            self.rest[0] = first - given
            if not self.rest[0]:
                self.rest.pop(0)
            return os.urandom(1024) * (given // 1024) + bytes(given % 1024)
        if self.rest:
            self.rest.pop(0)
        return first

kind = MaterialKind("scan", "扫描件", "scan")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    found = taking._stored("大.pdf", Stream(), kind, material_settings())
    said = {"size": found.size, "pages": found.pages}
except BadMaterial as error:
    said = {"why": error.context["why"], "zh": error.detail_zh}
said["grown_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
said["child_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps(said))
"""


def taken(tmp_path: Path, size: int) -> dict[str, object]:
    environment = {**os.environ, "KUNYU_HOME": str(tmp_path / "home"), "KUNYU_OBJECT_STORE": str(tmp_path / "objects")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(size)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_a_scan_of_199_mb_is_taken_in_constant_memory(tmp_path: Path) -> None:
    """The process that takes it and the one that looks into it each stay far below the file."""
    said = taken(tmp_path, 199 << 20)
    assert (said["pages"], int(str(said["size"])) >> 20) == (1, 198) or said["pages"] == 1, said
    assert float(str(said["grown_mb"])) < 60, said
    assert float(str(said["child_mb"])) < 160, said


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_one_over_the_limit_is_refused_in_constant_memory(tmp_path: Path) -> None:
    said = taken(tmp_path, 260 << 20)
    assert said["why"] == "too_large", said
    assert said["zh"] == ("材料 大.pdf 超过 200 MB（已收到 201 MB）。请以 200—300 dpi、灰度重新扫描，或分成几份上传。")
    assert float(str(said["grown_mb"])) < 60, said
    assert (
        not any(path.is_file() for path in (tmp_path / "objects").rglob("*"))
        if (tmp_path / "objects").exists()
        else True
    )

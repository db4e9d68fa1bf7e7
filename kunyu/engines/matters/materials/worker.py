"""The process that looks into a file: one order on standard input, answers as JSON lines on standard output.

Never imports Django. Limits are set before anything of the file is touched; programs it starts inherit them.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kunyu.kernel.errors import KunyuError

MIB = 1 << 20


def main() -> int:
    """Do the order; exit code 0 when it was done or refused in words."""
    order = json.loads(sys.stdin.buffer.read())
    _bind(order["memory_mb"] * MIB, order["seconds"])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not mix with the answers
    try:
        for answer in _TASKS[order["task"]](order):
            answers.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            answers.flush()
    except KunyuError as error:
        refusal = {"zh": error.detail_zh, "en": error.detail_en, "context": error.problem()["context"]}
        answers.write(json.dumps({"refusal": refusal}, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    answers.flush()
    return 0


def _bind(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 5, seconds + 10))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * MIB, 512 * MIB))
    os.nice(5)


def _examine(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from kunyu.engines.matters.materials.examining import Limits, examine

    yield examine(Path(order["path"]), order["name"], Limits(**order["more"])).as_json()


def _read(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from kunyu.engines.matters.materials.page_reading import Reading, read_pages

    for page in read_pages(Path(order["path"]), Reading(folder=Path(order["folder"]), **order["more"])):
        yield page.as_json()


def _draw(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from kunyu.engines.matters.materials.drawing import draw_pages

    yield from draw_pages(Path(order["path"]), Path(order["folder"]), **order["more"])


_TASKS: dict[str, Callable[[dict[str, Any]], Iterator[dict[str, Any]]]] = {
    "examine": _examine,
    "read": _read,
    "draw": _draw,
}

if __name__ == "__main__":
    sys.exit(main())

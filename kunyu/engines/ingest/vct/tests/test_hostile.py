"""Files made to break a reader: an answer or a refusal, in bounded time and memory, never a traceback."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.vct import records, sections
from kunyu.engines.ingest.vct.tests.written import LINES, POLYGONS, WHOLE, save
from kunyu.kernel.errors import UnreadableInput

quick = pytest.mark.quick
BYTES = WHOLE.replace("\n", "\r\n").encode("gbk")


def read_all(path: Path) -> int:
    """Rows that a reader gets; −1 when it is refused."""
    try:
        with open_delivery(path) as source:
            return sum(batch.num_rows for layer in source.layers for batch in layer.batches())
    except UnreadableInput as refused:
        assert path.name in refused.detail_zh
        return -1


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Change bytes, lines or runs of a file."""
    for _ in range(chance.randint(1, 6)):
        at, until = sorted(chance.choices(range(len(data) + 1), k=2))
        until = min(until, at + chance.choice((1, 3, 40, 400)))
        lines = data.split(b"\n")
        match chance.randrange(8):
            case 0:
                data = data[:at] + data[until:]
            case 1:
                data = data[:at] + chance.randbytes(chance.randint(1, 30)) + data[at:]
            case 2:
                data = data[:at]
            case 3:
                data = data[:until] + data[at:until] * chance.randint(1, 4) + data[until:]
            case 4:
                chance.shuffle(lines)
                data = b"\n".join(lines) if chance.random() < 0.1 else data
            case 5:
                lines[chance.randrange(len(lines))] = chance.choice(
                    (b"0", b"-1", b"999999999999999999", b"9" * 40, b"", b"100", b"nan,inf", b"1e999,1e999", b"a,b", b",,,", b"TableEnd",
                     b"LineBegin", b"PolygonEnd", b'"', b"\x00" * 9, b"\xff" * 7, b"1,2,3,4,5", b"-0", b"+5", b"0,0,0")
                )  # fmt: skip
                data = b"\n".join(lines)
            case 6:
                one, other = chance.choices(range(len(lines)), k=2)
                lines[one], lines[other] = lines[other], lines[one]
                data = b"\n".join(lines)
            case 7:
                data = data.replace(b",", chance.choice((b";", b"", b",,", b", ")), chance.randint(1, 5))
    return data


def fuzz(folder: Path, seeds: range) -> tuple[int, int]:
    read = refused = 0
    for seed in seeds:
        path = folder / f"{seed}.vct"
        path.write_bytes(mutated(random.Random(seed), BYTES))
        try:
            rows = read_all(path)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        read, refused = read + (rows >= 0), refused + (rows < 0)
        path.unlink()
    return read, refused


@quick
@pytest.mark.filterwarnings("error")
def test_a_few_hundred_broken_files(tmp_path):
    read, refused = fuzz(tmp_path, range(300))
    assert read > 100
    assert refused > 20


@quick
@pytest.mark.filterwarnings("error")
def test_a_vertex_that_is_no_number_in_a_polygon_of_several_rings(tmp_path):
    """Once ended the reading: the ring could not be closed."""
    assert fuzz(tmp_path, range(10_741, 10_742)) == (1, 0)


@pytest.mark.long
@pytest.mark.filterwarnings("error")
def test_many_broken_files(tmp_path):
    read, refused = fuzz(tmp_path, range(1_000, 21_000))
    assert read > 5_000
    assert refused > 1_000


@quick
def test_pieces_may_end_anywhere(tmp_path, monkeypatch):
    """The same rows and shapes whatever the size of the pieces a file is read in."""
    path = save(tmp_path / "a.vct", WHOLE.replace("12,-11,0,-14", "12\n-11\n0\n-14"))
    with open_delivery(path) as source:
        wanted = {one.name: one.table() for one in source.layers}
    for size in (64, 100, 171, 300):
        monkeypatch.setattr(records, "_PIECE", size)
        monkeypatch.setattr(sections, "_PIECE", size)
        with open_delivery(path) as source:
            for layer in source.layers:
                assert layer.table().equals(wanted[layer.name]), (layer.name, size)
                assert not layer.notes


@quick
def test_a_line_without_end_is_refused(tmp_path):
    path = tmp_path / "long.vct"
    path.write_bytes(b"HeadBegin\n" + b"7" * (20 << 20))
    with pytest.raises(UnreadableInput, match="第 2 行超过 16 MiB"):
        open_delivery(path)


@quick
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("zeros", "0\n" * 400_000),
        ("numbers", "1\n" * 400_000),
        ("marks", "end\nbegin\n" * 100_000),
        ("counts beyond all", "1\n2\nUnknown\n1\n1\n11\n999999999\n0\n" * 40_000),
        ("references beyond all", "1\n2001010100\nUnknown\n100\n1,1\n21\n999999\n5,0\n0\n" * 40_000),
        ("commas", ",\n" * 200_000),
    ],
)
def test_sections_full_of_nonsense_take_bounded_time(tmp_path, name, body):
    for section in (LINES, POLYGONS):
        head, end = section.split("\n")[0], section.rstrip("\n").split("\n")[-1]
        path = save(tmp_path / "a.vct", WHOLE.replace(section, f"{head}\n{body}{end}\n"), end="\n")
        start = time.process_time()
        assert read_all(path) >= 0, name
        assert time.process_time() - start < 20, name


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory through the Linux kernel")
def test_memory_is_bounded(tmp_path):
    """A hundred megabytes of one record that never ends, read by a process that may not have 3 GiB."""
    path = tmp_path / "a.vct"
    before, after = WHOLE.split("PolygonBegin")
    with path.open("wb") as out:
        out.write((before + "PolygonBegin\n1\n2001010100\nUnknown\n1\n1,1\n1\n11\n4000000\n").encode("gbk"))
        for _ in range(40):
            out.write(b"38500100.0000,3800000.0000\n" * 100_000)
        out.write(("PolygonEnd" + after.split("PolygonEnd")[1]).encode("gbk"))
    code = (
        "import sys; from kunyu.engines.ingest.reading import open_delivery\n"
        "with open_delivery(sys.argv[1]) as source:\n"
        "    layer = source.layer('DLTB'); print(sum(b.num_rows for b in layer.batches()))\n"
    )
    limit = 3 << 30
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr[-2000:]

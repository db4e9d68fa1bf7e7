"""Every attack on an exported log is found and the record named; an untouched one is clean.

R-135; security facts §9, T6 (audit tamper → detection with position).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.engines.security.audit import chain
from kunyu.engines.security.audit.anchor_file import NoAnchor
from kunyu.engines.security.audit.export_format import ENTRY, entry_line
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.public_keys import public_key_pem, read_public_keys
from kunyu.engines.security.audit.tests.logs import PaperLog, log, record_text, signer, write
from kunyu.engines.security.audit.verify import NoAuditExport, verify_file
from kunyu.kernel.crypto.errors import MalformedKey

pytestmark = pytest.mark.quick
COUNT, EVERY = 60, 7
PIECES = st.sampled_from([1, 700, 2500, 1 << 20])
MANY = settings(max_examples=int(os.environ.get("KUNYU_ATTACKS", "150")), deadline=None,
                suppress_health_check=[HealthCheck.too_slow])  # fmt: skip


def verdict_of(lines: list[bytes], piece: int = 1 << 20, anchor: list[bytes] | None = None) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), lines)
        anchored = write(Path(folder), anchor, "anchor.jsonl") if anchor is not None else None
        return verify_file(path, public_keys=[signer().certificate.public_key], anchor=anchored, piece_bytes=piece)


def entries(lines: list[bytes]) -> dict[int, int]:
    """Index of the line of each record."""
    found = {index: ENTRY.fullmatch(line) for index, line in enumerate(lines)}
    return {int(match[1]): index for index, match in found.items() if match}


def names(verdict: Verdict, number: int) -> bool:
    return any(one.first <= number <= one.last for one in verdict.findings)


@MANY
@given(st.integers(0, 40), st.integers(1, 9), PIECES, st.data())
def test_an_untouched_log_is_clean(count: int, every: int, piece: int, data: st.DataObject) -> None:
    whole = PaperLog({number: record_text(number) for number in range(1, count + 1)}, every)
    first = data.draw(st.integers(1, max(count, 1)))
    last = data.draw(st.integers(first, count)) if count else 0

    verdict = verdict_of(whole.lines(first, last), piece)

    assert verdict.clean, verdict.findings
    assert verdict.entries == (last - first + 1 if count else 0)


@MANY
@given(st.data(), PIECES)
def test_any_changed_byte_is_found(data: st.DataObject, piece: int) -> None:
    lines = list(log(COUNT, EVERY).lines())
    index = data.draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[index])
    at = data.draw(st.integers(0, 10**6)) % len(line)
    line[at] ^= data.draw(st.integers(1, 255))
    number = entries(lines).get(index_of_record(lines, index), 0)
    lines[index] = bytes(line)

    if index == 0 and not lines[0].startswith(b'{"kun'):
        try:
            assert not verdict_of(lines, piece).clean
        except NoAuditExport:
            pass
        return
    verdict = verdict_of(lines, piece)

    assert not verdict.clean
    if number:
        assert names(verdict, index_of_record(log(COUNT, EVERY).lines(), index)), verdict.findings


def index_of_record(lines: list[bytes], index: int) -> int:
    found = ENTRY.fullmatch(lines[index])
    return int(found[1]) if found else 0


@MANY
@given(st.integers(1, COUNT), st.integers(1, 5), PIECES)
def test_removed_records_are_named(number: int, how_many: int, piece: int) -> None:
    lines = list(log(COUNT, EVERY).lines())
    places = entries(lines)
    gone = [one for one in range(number, number + how_many) if one in places]
    for one in reversed(gone):
        del lines[places[one]]

    verdict = verdict_of(lines, piece)

    assert all(names(verdict, one) for one in gone), (gone, verdict.findings)


@MANY
@given(st.integers(1, COUNT), st.integers(1, COUNT), PIECES, st.booleans())
def test_swapped_records_are_named(a: int, b: int, piece: int, renumber: bool) -> None:
    if a == b:
        return
    lines = list(log(COUNT, EVERY).lines())
    places = entries(lines)
    first, second = lines[places[a]], lines[places[b]]
    if renumber:
        first = first.replace(b'{"n":%d,' % a, b'{"n":%d,' % b, 1)
        second = second.replace(b'{"n":%d,' % b, b'{"n":%d,' % a, 1)
    lines[places[a]], lines[places[b]] = second, first

    verdict = verdict_of(lines, piece)

    assert names(verdict, a) or names(verdict, b), verdict.findings
    assert (names(verdict, a) and names(verdict, b)) or abs(a - b) == 1, verdict.findings


@MANY
@given(st.integers(1, COUNT), PIECES, st.sampled_from(["repeat", "forge", "renumber"]))
def test_an_inserted_record_is_named(after: int, piece: int, how: str) -> None:
    """A line repeated; a forged line with a right leaf and link; a forged line and all behind it renumbered."""
    whole = log(COUNT, EVERY)
    lines = list(whole.lines())
    place = entries(lines)[after]
    text = record_text(999)
    leaf = chain.digest(text)
    forged = entry_line(after + 1, leaf, chain.link(whole.links[after], leaf, after + 1), text)
    lines.insert(place + 1, lines[place] if how == "repeat" else forged)
    if how == "renumber":
        for index in range(place + 2, len(lines)):
            found = ENTRY.fullmatch(lines[index])
            if found:
                lines[index] = lines[index].replace(b'{"n":%s,' % found[1], b'{"n":%d,' % (int(found[1]) + 1), 1)

    verdict = verdict_of(lines, piece)

    assert any(names(verdict, one) for one in (after, after + 1, after + 2)), verdict.findings


@MANY
@given(st.integers(1, COUNT), PIECES, st.booleans())
def test_a_rewritten_record_is_named_even_with_the_chain_behind_it(number: int, piece: int, all_behind: bool) -> None:
    """The attacker holds the database, not the node's key: he computes leaf and links anew but cannot sign."""
    whole = log(COUNT, EVERY)
    rewritten = PaperLog({**whole.texts, number: record_text(777)}, EVERY)
    lines = list(whole.lines())
    for one, index in entries(lines).items():
        if one == number or (all_behind and one > number):
            lines[index] = entry_line(one, rewritten.leaves[one], rewritten.links[one], rewritten.texts[one])

    verdict = verdict_of(lines, piece)

    assert names(verdict, number), verdict.findings
    if all_behind:
        assert {one.code for one in verdict.findings} == {"rewritten"}
        first = next(one for one in verdict.findings if one.first <= number <= one.last)
        assert first.last - first.first < EVERY  # between two checkpoints, no wider


@MANY
@given(st.integers(1, COUNT // EVERY), PIECES, st.sampled_from(["remove", "swap", "text", "signature", "move"]))
def test_attacks_on_checkpoints_are_found(number: int, piece: int, how: str) -> None:
    whole = log(COUNT, EVERY)
    lines = list(whole.lines())
    seq = number * EVERY
    place = entries(lines)[seq] + 1
    assert lines[place] == whole.checkpoint_line(seq)
    if how == "remove":
        del lines[place]
    elif how == "swap":
        other = (number % (COUNT // EVERY) + 1) * EVERY
        at = entries(lines)[other] + 1
        lines[place], lines[at] = lines[at], lines[place]
    elif how == "text":
        lines[place] = lines[place].replace(b'"number":%d,' % number, b'"number":%d,' % (number + 1))
    elif how == "signature":
        lines[place] = lines[place][:-6] + (b"0" if lines[place][-6:-5] != b"0" else b"1") + lines[place][-5:]
    else:
        lines.insert(place - 3, lines.pop(place))

    verdict = verdict_of(lines, piece)

    assert not verdict.clean
    near = range(seq - 3, min(seq + EVERY, COUNT) + 1)
    assert any(names(verdict, one) for one in near), verdict.findings


@MANY
@given(st.integers(0, COUNT - 1), PIECES, st.booleans())
def test_a_cut_file_is_found_without_an_anchor(kept: int, piece: int, keep_end: bool) -> None:
    lines = list(log(COUNT, EVERY).lines())
    end = lines[-1]
    lines = lines[: entries(lines).get(kept, 0) + 1] + ([end] if keep_end else [])

    verdict = verdict_of(lines, piece)

    assert names(verdict, kept + 1) and names(verdict, COUNT), verdict.findings


@MANY
@given(st.integers(EVERY, COUNT - 1), st.integers(1, COUNT // EVERY), PIECES)
def test_a_log_cut_before_export_is_found_with_an_anchor_only(kept: int, anchored: int, piece: int) -> None:
    whole = log(COUNT, EVERY)
    cut = PaperLog({one: whole.texts[one] for one in range(1, kept + 1)}, EVERY)
    anchor = [whole.checkpoint_line(seq) for seq in range(EVERY, anchored * EVERY + 1, EVERY)]

    alone = verdict_of(cut.lines(), piece)
    with_anchor = verdict_of(cut.lines(), piece, anchor)

    assert alone.clean and any("尾部" in zh for zh, _ in alone.notes)
    assert with_anchor.clean == (anchored * EVERY <= kept)
    if not with_anchor.clean:
        assert {one.code for one in with_anchor.findings} == {"cut"}
        assert names(with_anchor, kept + 1) and names(with_anchor, anchored * EVERY)


@MANY
@given(st.integers(1, COUNT // EVERY * EVERY), PIECES)
def test_a_fork_is_found_with_an_anchor(number: int, piece: int) -> None:
    """Whoever holds the node's key rewrites and signs anew; a checkpoint kept outside gives it away."""
    whole = log(COUNT, EVERY)
    forked = PaperLog({**whole.texts, number: record_text(555)}, EVERY)
    anchor = [whole.checkpoint_line(seq) for seq in whole.checkpoints]

    verdict = verdict_of(forked.lines(), piece, anchor)

    assert {one.code for one in verdict.findings} == {"fork"}
    first = verdict.findings[0]
    assert first.first <= number <= first.last and first.last - first.first < EVERY


@MANY
@given(st.data())
def test_a_changed_anchor_is_found(data: st.DataObject) -> None:
    whole = log(COUNT, EVERY)
    anchor = [whole.checkpoint_line(seq) for seq in whole.checkpoints]
    index = data.draw(st.integers(0, len(anchor) - 1))
    line = bytearray(anchor[index])
    line[data.draw(st.integers(0, 10**6)) % len(line)] ^= data.draw(st.integers(1, 255))
    anchor[index] = bytes(line)

    verdict = verdict_of(whole.lines(), anchor=anchor)

    assert not verdict.clean and {one.code for one in verdict.findings} <= {"anchor", "anchor-signature"}
    assert any(one.line >= index + 1 for one in verdict.findings)


def test_another_signer_is_found() -> None:
    other = PaperLog(dict(log(COUNT, EVERY).texts), EVERY, by=signer("another"))

    verdict = verdict_of(other.lines())

    assert {one.code for one in verdict.findings} == {"signer"}


def test_without_a_public_key_the_verdict_says_whom_it_believed(tmp_path: Path) -> None:
    verdict = verify_file(write(tmp_path, log(COUNT, EVERY).lines()))

    assert verdict.clean and not verdict.signer_pinned
    assert any(signer().certificate.fingerprint in zh for zh, _ in verdict.notes)


def test_many_processes_say_the_same(tmp_path: Path) -> None:
    lines = list(log(COUNT, EVERY).lines())
    place = entries(lines)[33]
    lines[place] = lines[place].replace("张三".encode(), "李四".encode())
    path = write(tmp_path, lines)

    verdict = verify_file(path, workers=2, piece_bytes=2000)

    assert [(one.code, one.first, one.line) for one in verdict.findings] == [("altered", 33, place + 1)]
    assert "user5 export" in verdict.findings[0].message_zh


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b'{"a":1}\n'):
        path = tmp_path / "x"
        path.write_bytes(content)
        with pytest.raises(NoAuditExport):
            verify_file(path)
    with pytest.raises(NoAuditExport):
        verify_file(tmp_path / "absent")
    good = write(tmp_path, log(COUNT, EVERY).lines())
    with pytest.raises(NoAnchor):
        verify_file(good, anchor=tmp_path / "absent")


def test_public_keys_are_read_from_keys_and_certificates() -> None:
    certificate = signer().certificate

    assert read_public_keys(certificate.pem() + public_key_pem(certificate)) == (certificate.public_key,)
    with pytest.raises(MalformedKey):
        read_public_keys(b"nothing here")


def test_verification_loads_neither_django_nor_a_driver() -> None:
    code = (
        "import sys\nclass Blocked:\n  def find_spec(self, name, path=None, target=None):\n"
        "    if name.split('.')[0] in ('django', 'psycopg', 'ninja'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\nimport kunyu.engines.security.audit.verify\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

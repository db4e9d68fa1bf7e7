"""Walk the lines of an export one by one and say exactly what is wrong where. 逐条核对.

`Walk` is the definition of a correct log and is told every fact in order. `glance` looks at a piece of the file without
knowing what came before and only says "right, if it begins after this link" or "look closer"; it is what makes large
files quick, on every core.
"""

from __future__ import annotations

import json
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kunyu.engines.security.audit.chain import digest, link
from kunyu.engines.security.audit.checkpoints import Checkpoint, NotACheckpoint, read_checkpoint
from kunyu.engines.security.audit.export_format import CHECKPOINT, ENTRY
from kunyu.engines.security.audit.findings import Finding
from kunyu.kernel.crypto.software import SoftwareProvider

Keys = Mapping[str, bytes]
"""Public keys (65 bytes) by the fingerprint of their certificate."""

_UNKNOWN = b""
_RECORD_AT = 64 + len('","link":"') + 64 + len('","record":')


@dataclass(frozen=True)
class Glance:
    """A piece of a file as one look saw it.

    Attributes
    ----------
    right : bool
        Every line has its form, every record its leaf, every entry follows its predecessor, every checkpoint's signature
        and link are right. What lies before the piece is left to the caller.
    lines : int
    first, first_leaf, first_link : int, bytes, bytes
        The first entry; 0 and empty when the piece has none.
    last, last_link : int, bytes
    checkpoints : tuple of Checkpoint
    links : dict of int to bytes
        Links of the entries that were asked for.
    """

    right: bool
    lines: int
    first: int = 0
    first_leaf: bytes = b""
    first_link: bytes = b""
    last: int = 0
    last_link: bytes = b""
    checkpoints: tuple[Checkpoint, ...] = ()
    links: dict[int, bytes] = field(default_factory=dict)


def glance(lines: Sequence[bytes], keys: Keys, wanted: frozenset[int]) -> Glance:
    """Look at a piece that begins with an entry; ``right`` is False at the first doubt.

    The hot loop: every line must equal, byte by byte, the line that its number, its record and the link before it give,
    so nothing is parsed. Written for speed: 100,000 entries a second are the bar.
    """
    doubt = Glance(False, len(lines))
    begin = ENTRY.fullmatch(lines[0]) if lines else None
    if begin is None:
        return doubt
    first = int(begin[1])
    checkpoints: list[Checkpoint] = []
    links: dict[int, bytes] = {}
    number, current = first - 1, b""
    for line in lines:
        number += 1
        head = b'{"n":%d,"leaf":"' % number
        at = len(head)
        if not line.startswith(head):
            number -= 1
            checkpoint = _signed_checkpoint(line, keys)
            if checkpoint is None or checkpoint.seq != number or checkpoint.link != current.hex():
                return doubt
            checkpoints.append(checkpoint)
            continue
        leaf = digest(line[at + _RECORD_AT : -2])
        current = link(current, leaf, number) if current else bytes.fromhex(begin[3].decode())
        if line[at : at + _RECORD_AT] != b'%b","link":"%b","record":' % (hexlify(leaf), hexlify(current)):
            return doubt
        if number in wanted:
            links[number] = current
    if not all(line.endswith(b"}\n") for line in lines):
        return doubt
    first_leaf, first_link = (bytes.fromhex(begin[part].decode()) for part in (2, 3))
    return Glance(
        True, len(lines), first, first_leaf, first_link, number, current, tuple(checkpoints), links
    )  # fmt: skip


def _signed_checkpoint(line: bytes, keys: Keys) -> Checkpoint | None:
    found = CHECKPOINT.fullmatch(line)
    if found is None:
        return None
    try:
        checkpoint = read_checkpoint(found[1])
    except NotACheckpoint:
        return None
    key = keys.get(checkpoint.signer)
    right = key is not None and signature_is_right(key, found[1], bytes.fromhex(found[2].decode()))
    return checkpoint if right else None


def signature_is_right(public_key: bytes, text: bytes, signature: bytes) -> bool:
    """Whether an SM2 signature (DER) under a text is right; a malformed one is not."""
    return SoftwareProvider().verify(public_key, text, signature)


class Walk:
    """The state of a walk: what must come next, and everything found so far.

    Parameters
    ----------
    keys : mapping
        Public keys of those who may have signed.
    first : int
        Number of the first entry.
    previous : bytes
        Link before it.
    report : callable
        Takes every `Finding`.
    """

    def __init__(
        self, keys: Keys, node: str, first: int, previous: bytes, report: Callable[[Finding], None],
        wanted: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        self.keys, self.node, self.report, self.wanted = keys, node, report, wanted
        self.expected = first
        self.first = first
        self.links: dict[int, bytes] = {}
        self.line = 1
        self.entries = 0
        self.checkpoints = 0
        self.last_checkpoint: Checkpoint | None = None
        self._vouched = first - 1
        self._stated = previous
        self._computed = previous

    @property
    def last(self) -> int:
        """Number of the last entry that was there or reported."""
        return self.expected - 1

    @property
    def last_links(self) -> frozenset[bytes]:
        """Links that stand for the last entry: as stated, and as computed where the two differ."""
        return frozenset({self._stated, self._computed} - {_UNKNOWN})

    def accept(self, seen: Glance) -> bool:
        """Take a whole piece at once when it is right and continues this walk; False: go through it line by line."""
        if not seen.right or seen.first != self.expected or len(self.last_links) != 1:
            return False
        if link(self._stated, seen.first_leaf, seen.first) != seen.first_link:
            return False
        if any(one.node != self.node for one in seen.checkpoints):
            return False
        for checkpoint in seen.checkpoints:
            self._order(checkpoint, 0)
            self._vouched = checkpoint.seq
        self.entries += seen.last - seen.first + 1
        self.expected, self._stated, self._computed = seen.last + 1, seen.last_link, seen.last_link
        self.links.update(seen.links)
        self.line += seen.lines
        return True

    def go(self, lines: Sequence[bytes], after: Sequence[bytes]) -> None:
        """Go through ``lines``; ``after`` are a few lines behind them, to tell a lost record from a moved one."""
        numbers = [_number(line) for line in (*lines, *after)]
        following = [0] * len(numbers)
        coming = 0
        for index in range(len(numbers) - 1, -1, -1):
            following[index] = coming
            coming = numbers[index] or coming
        for index, line in enumerate(lines):
            self.line += 1
            if numbers[index]:
                self._entry(line, numbers[index], following[index])
            elif CHECKPOINT.fullmatch(line):
                self._checkpoint(line)
            else:
                self._unreadable(following[index])

    # --- entries ---
    def _entry(self, line: bytes, number: int, following: int) -> None:
        self.entries += 1
        found = ENTRY.fullmatch(line)
        assert found is not None
        leaf, stated, text = bytes.fromhex(found[2].decode()), bytes.fromhex(found[3].decode()), found[4]
        if number != self.expected and not self._misplaced(number, following, leaf, stated):
            self._check_leaf(number, leaf, stated, text)
            return
        number = self.expected
        self.expected += 1
        if number in self.wanted:
            self.links[number] = stated
        right_leaf = self._check_leaf(number, leaf, stated, text)
        self._check_link(number, leaf, stated, right_leaf)

    def _check_leaf(self, number: int, leaf: bytes, stated: bytes, text: bytes) -> bool:
        real = digest(text)
        if real == leaf:
            return True
        if any(link(before, real, number) == stated for before in self.last_links):
            self._say("leaf", number, number, "摘要被改动，记录本身与链相符", "its digest was changed; the record itself "
                      "fits the chain", text)  # fmt: skip
        else:
            self._say("altered", number, number, "内容与其摘要不符，内容被改动", "its content does not fit its digest: "
                      "the content was changed", text)  # fmt: skip
        return False

    def _check_link(self, number: int, leaf: bytes, stated: bytes, right_leaf: bool) -> None:
        befores = self.last_links
        computed = [link(before, leaf, number) for before in befores]
        self._stated = stated
        if not befores or stated in computed:
            self._computed = stated
            return
        self._computed = computed[0]
        if right_leaf:  # a changed leaf has been told, its broken link is the same fault
            before = max(number - 1, self._vouched + 1, self.first)
            self._say("link", before, number, "的链值接不上：链值被改动，或有记录被替换、插入",
                      "do not join: a link was changed, or a record among them was replaced or put in")  # fmt: skip
        else:
            self._computed = stated

    def _misplaced(self, number: int, following: int, leaf: bytes, stated: bytes) -> bool:
        """Tell what a wrong number means; True: the line stands where record ``expected`` belongs."""
        expected = self.expected
        if following == expected + 1:
            self._say("order", expected, expected, f"此处应为第 {expected} 条，实为第 {number} 条：被替换或调换",
                      f"record {number} stands where {expected} belongs: replaced or swapped")  # fmt: skip
            if not any(link(before, leaf, expected) == stated for before in self.last_links):
                self._forget_links()
            return True
        if following == expected or number < expected:
            self._say("extra", number, number, f"第 {number} 条在第 {expected - 1} 条之后多出：被插入、重复或移动",
                      f"an extra line {number} stands behind record {expected - 1}: put in, repeated or moved")  # fmt: skip
            return False
        self._missing(number - 1)
        return True

    def _missing(self, last: int) -> None:
        first = self.expected
        self._say("missing", first, last, "缺失：被删除或移走", "not there: removed or moved away")
        self._forget_links()
        self.expected = last + 1

    def _unreadable(self, following: int) -> None:
        number = self.expected
        in_its_place = following != number
        if in_its_place:
            self.expected += 1
            self._forget_links()
        self._say("unreadable", number, number, "所在行不符合格式，被改动" if in_its_place else "之前多出一行无法识别的内容",
                  "the line does not have its form: it was changed" if in_its_place else "a line that is none stands "
                  "before it")  # fmt: skip

    def _forget_links(self) -> None:
        self._stated = self._computed = _UNKNOWN

    # --- checkpoints ---
    def _checkpoint(self, line: bytes) -> None:
        found = CHECKPOINT.fullmatch(line)
        assert found is not None
        try:
            checkpoint = read_checkpoint(found[1])
        except NotACheckpoint:
            self.checkpoints += 1
            self._say("checkpoint", self.last, self.last, "之后的检查点内容被改动，无法识别",
                      "the checkpoint behind it was changed and cannot be read")  # fmt: skip
            self.last_checkpoint = None
            return
        signed = self._check_signature(checkpoint, found[1], bytes.fromhex(found[2].decode()))
        self._order(checkpoint, self.line)
        if not signed:
            return
        if checkpoint.node != self.node:
            self._say("checkpoint", checkpoint.seq, checkpoint.seq, f"之后的检查点属于另一节点 {checkpoint.node}",
                      f"the checkpoint behind it is of another node, {checkpoint.node}")  # fmt: skip
            return
        self._compare(checkpoint)

    def _compare(self, checkpoint: Checkpoint) -> None:
        vouched = bytes.fromhex(checkpoint.link)
        if checkpoint.seq >= self.expected:
            self._missing(checkpoint.seq)
            self._stated = self._computed = vouched
        elif checkpoint.seq < self.last:
            self._say("checkpoint", checkpoint.seq, checkpoint.seq, f"的检查点 {checkpoint.number} 不在其位置，被移动",
                      f"its checkpoint {checkpoint.number} does not stand behind it: moved")  # fmt: skip
            return
        if self.last_links and vouched not in self.last_links:
            first = min(self._vouched + 1, checkpoint.seq)
            self._say("rewritten", first, checkpoint.seq,
                      f"与节点签名的检查点 {checkpoint.number} 不符：其中有记录连同其后的链被改写",
                      f"do not lead to what checkpoint {checkpoint.number} vouches for: a record among them was rewritten, "
                      "with the chain behind it")  # fmt: skip
        else:
            self._stated = self._computed = vouched
        self._vouched = checkpoint.seq

    def _check_signature(self, checkpoint: Checkpoint, text: bytes, signature: bytes) -> bool:
        seq, key = checkpoint.seq, self.keys.get(checkpoint.signer)
        if key is None:
            self._say("signer", seq, seq, f"的检查点 {checkpoint.number} 由不认识的证书 {checkpoint.signer[:16]} 签名",
                      f"its checkpoint {checkpoint.number} is signed under an unknown certificate "
                      f"{checkpoint.signer[:16]}")  # fmt: skip
        elif not signature_is_right(key, text, signature):
            self._say("checkpoint-signature", seq, seq, f"的检查点 {checkpoint.number} 签名不符：内容或签名被改动，或签名人不对",
                      f"the signature under its checkpoint {checkpoint.number} is wrong: text or signature was changed, or "
                      "another signed")  # fmt: skip
        else:
            return True
        return False

    def _order(self, checkpoint: Checkpoint, line: int) -> None:
        self.checkpoints += 1
        before, self.last_checkpoint = self.last_checkpoint, checkpoint
        if before is None:
            gap = self.first == 1 and self.checkpoints == 1 and checkpoint.number != 1
        else:
            gap = checkpoint.number != before.number + 1 or checkpoint.previous != before.digest()
        if gap:
            missing = (before.number if before else 0) + 1
            self.report(Finding("checkpoint-gap", checkpoint.seq, checkpoint.seq, line,
                f"第 {checkpoint.seq} 条之后的检查点 {checkpoint.number} 接不上检查点 {missing - 1}：检查点被删除、调换或替换",
                f"Checkpoint {checkpoint.number} behind record {checkpoint.seq} does not follow checkpoint {missing - 1}: "
                "one was removed, swapped or replaced"))  # fmt: skip

    def _say(self, code: str, first: int, last: int, zh: str, en: str, text: bytes = b"") -> None:
        which_zh = f"第 {first} 条" if first == last else f"第 {first}–{last} 条"
        which_en = f"Record {first}" if first == last else f"Records {first} to {last}"
        hint = _summary(text)
        self.report(Finding(code, first, last, self.line, f"{which_zh}{hint}{zh}", f"{which_en}{hint}: {en}"))


def _number(line: bytes) -> int:
    found = ENTRY.fullmatch(line)
    return int(found[1]) if found else 0


def _summary(text: bytes) -> str:
    """Time, person and action of a record, for words only; whatever cannot be read is left out."""
    try:
        record = json.loads(text)
        parts = [record.get("time"), record.get("who", {}).get("name"), record.get("action")]
    except (ValueError, AttributeError):
        return ""
    found = " ".join(part for part in parts if isinstance(part, str))
    return f" ({found[:120]}) " if found else ""

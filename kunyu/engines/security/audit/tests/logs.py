"""A log on paper: what a node would export, built without a database, for tests that then attack it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from kunyu.engines.security.audit import chain
from kunyu.engines.security.audit.checkpoints import Checkpoint, SignedCheckpoint, read_checkpoint, sign_checkpoint
from kunyu.engines.security.audit.export_format import End, Header, checkpoint_line, end_line, entry_line
from kunyu.engines.security.audit.records import Record, Subject
from kunyu.kernel.crypto.certificates import SIGNING, Certificate, self_signed
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

NODE = "0f9c1c54-0000-4000-8000-000000000001"
TIME = "2026-11-23T12:00:00.000+08:00"
PROVIDER = SoftwareProvider()


@dataclass(frozen=True)
class PaperSigner:
    """A key of the test itself; the real node's is in `keys`."""

    certificate: Certificate
    key: KeyHandle

    def sign(self, message: bytes) -> bytes:
        return PROVIDER.sign(self.key, message)


@cache
def signer(name: str = "node") -> PaperSigner:
    key = PROVIDER.generate(KeyKind.SM2)
    now = datetime.now(UTC)
    subject = {"common_name": name}
    return PaperSigner(self_signed(PROVIDER, key, subject, (now, now + timedelta(days=1)), SIGNING), key)


def record_text(number: int) -> bytes:
    at = datetime(2026, 11, 23, 4, tzinfo=UTC) + timedelta(seconds=number)
    who = Subject(number % 7, f"user{number % 7}", "张三", "自然资源局")
    detail = {"rows": number, "note": '引号" 反斜杠\\ 换行\n'}
    return (
        Record(at, "business", NODE, who, "export", "collection", f"10401-{number:03d}", "done", detail=detail)
        .text()
        .encode()
    )


@dataclass
class PaperLog:
    """Texts, leaves and links of records ``first`` to ``last``, with a checkpoint each ``every`` records."""

    texts: dict[int, bytes]
    every: int
    first: int = 1
    by: PaperSigner = field(default_factory=signer)
    leaves: dict[int, bytes] = field(init=False)
    links: dict[int, bytes] = field(init=False)
    checkpoints: dict[int, SignedCheckpoint] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves, self.links, self.checkpoints = {}, {0: chain.genesis(NODE)}, {}
        before: Checkpoint | None = None
        for number, text in sorted(self.texts.items()):
            self.leaves[number] = chain.digest(text)
            self.links[number] = chain.link(self.links[number - 1], self.leaves[number], number)
            if number % self.every == 0:
                made = sign_checkpoint(self.by, NODE, number, self.links[number].hex(), TIME, before)
                self.checkpoints[number], before = made, read_checkpoint(made.text)

    @property
    def last(self) -> int:
        return max(self.texts, default=0)

    def lines(self, first: int = 1, last: int | None = None) -> list[bytes]:
        """Header, entries with their checkpoints, end."""
        last = self.last if last is None else last
        header = Header(
            NODE, "坤舆县", "business", TIME, ("", ""), first if last else 0, last, self.links[first - 1].hex(),
            (self.by.certificate.pem().decode(),),
        )  # fmt: skip
        found = [header.line()]
        count = 0
        for number in range(first, last + 1):
            found.append(entry_line(number, self.leaves[number], self.links[number], self.texts[number]))
            if number in self.checkpoints:
                found.append(self.checkpoint_line(number))
                count += 1
        return [*found, self.end_line(header, last, count)]

    def checkpoint_line(self, number: int) -> bytes:
        return checkpoint_line(self.checkpoints[number].text, self.checkpoints[number].signature)

    def end_line(self, header: Header, last: int, count: int) -> bytes:
        text = End(
            NODE, chain.digest(header.line()).hex(), header.first, last, self.links[last].hex(), count, self.last, TIME,
            self.by.certificate.fingerprint,
        ).text()  # fmt: skip
        return end_line(text, self.by.sign(text))


@cache
def log(count: int = 60, every: int = 7) -> PaperLog:
    return PaperLog({number: record_text(number) for number in range(1, count + 1)}, every)


def write(folder: Path, lines: list[bytes], name: str = "audit.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(lines))
    return path

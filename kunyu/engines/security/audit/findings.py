"""What a verification finds: each with a stable code, the records it concerns and words. 审计校验发现."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    code : str
        Stable: ``altered leaf link missing extra order unreadable header checkpoint checkpoint-gap checkpoint-signature
        rewritten signer cut end anchor anchor-signature fork columns unsealed trigger``.
    first, last : int
        Sequence numbers of the records concerned, both inclusive; 0 when none.
    line : int
        Line of the file, from 1; 0 when it is not about a line.
    message_zh, message_en : str
    """

    code: str
    first: int
    last: int
    line: int
    message_zh: str
    message_en: str

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


@dataclass
class Verdict:
    """The outcome of a verification.

    Attributes
    ----------
    findings : list of Finding
        At most `LIMIT` are kept, in order of the records.
    count : int
        How many were found in all.
    notes : list of (zh, en)
        What could not be judged, and why.
    """

    node: str = ""
    first: int = 0
    last: int = 0
    entries: int = 0
    checkpoints: int = 0
    signers: tuple[str, ...] = ()
    signer_pinned: bool = False
    anchored: int = 0
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0

    def add(self, finding: Finding) -> None:
        """Count a finding and keep it while there is room."""
        self.count += 1
        if len(self.findings) < LIMIT:
            self.findings.append(finding)

    def document(self) -> dict[str, Any]:
        """JSON-ready, for ``--json`` and for pages."""
        return {
            "schema": 1,
            "clean": self.clean,
            "node": self.node,
            "first": self.first,
            "last": self.last,
            "entries": self.entries,
            "checkpoints": self.checkpoints,
            "signers": list(self.signers),
            "signer_pinned": self.signer_pinned,
            "anchored": self.anchored,
            "count": self.count,
            "findings": [finding.document() for finding in self.findings],
            "notes": [{"zh": zh, "en": en} for zh, en in self.notes],
        }


LIMIT = 1000

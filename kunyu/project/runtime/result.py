"""What a check of the doctor answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass

OK, WARN, BAD = "ok", "warning", "problem"


@dataclass(frozen=True)
class Result:
    """One check: its name, how serious, and a sentence with the remedy."""

    name_zh: str
    name_en: str
    level: str
    zh: str
    en: str

    @property
    def bad(self) -> bool:
        """Tell whether the node cannot work like this."""
        return self.level == BAD

    def as_json(self) -> dict[str, str]:
        """Return the JSON of ``kunyu doctor --json``."""
        return asdict(self)

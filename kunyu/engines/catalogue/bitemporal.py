"""Two times: ``valid``, when it is true in the world, and ``known``, when it is believed here. Pure.

Predicates are written so that the partial indexes ``WHERE upper_inf(known)`` and ``WHERE NOT upper_inf(known)`` both
serve: a question about the past looks into both.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Moment:
    """The state asked for: as of day ``valid_at`` (None = today), as believed at ``known_at`` (None = now).

    ``unseen``: counties with another instant of belief, as ``served.moments.Moment`` has them.
    """

    valid_at: datetime.date | None = None
    known_at: datetime.datetime | None = None
    unseen: tuple[tuple[str, datetime.datetime], ...] = ()

    def predicate(self) -> tuple[str, list[Any]]:
        """SQL condition and parameters for the layer tables, psycopg style.

        A day on which one version ends belongs to the next: ranges are half open.
        """
        day = "valid @> current_date" if self.valid_at is None else "valid @> %s::date"
        days: list[Any] = [] if self.valid_at is None else [self.valid_at]
        if self.known_at is None:
            return f"upper_inf(known) AND {day}", days
        instant, values = self._instant()
        believed = f"(upper_inf(known) AND lower(known) <= {instant} OR NOT upper_inf(known) AND known @> {instant})"
        return f"{believed} AND {day}", [*values, *values, *days]

    def _instant(self) -> tuple[str, list[Any]]:
        whens = "".join(" WHEN %s::text THEN %s::timestamptz" for _ in self.unseen)
        values: list[Any] = [value for pair in self.unseen for value in pair]
        plain = "%s::timestamptz"
        return (f"(CASE county{whens} ELSE {plain} END)" if whens else plain), [*values, self.known_at]

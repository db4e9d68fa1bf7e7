"""Which state of the world a request means: when it was true, and when it was known. 有效时间与认知时间.

``datetime`` is OGC's parameter and means validity: a date, an RFC 3339 instant, or an interval with ``..`` for an open
end. ``valid_at`` is the same for one day. ``known_at`` is an RFC 3339 instant. Defaults: valid today, known now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils import timezone

from kunyu.engines.catalogue.served.errors import BadParameter


@dataclass(frozen=True)
class ValidDays:
    """The days asked for, both ends included; None is open. One day is ``first == last``."""

    first: date | None
    last: date | None

    @property
    def is_one_day(self) -> bool:
        return self.first is not None and self.first == self.last

    @property
    def text(self) -> str:
        """As the ``Kunyu-Valid-At`` header says it: a date, or an ISO 8601 interval."""
        if self.is_one_day:
            return str(self.first)
        return f"{self.first or '..'}/{self.last or '..'}"


@dataclass(frozen=True)
class Moment:
    """``days`` the answer is valid on; ``known_at`` the instant of belief, None for now.

    ``every_belief`` means what is believed and what no longer is, up to ``known_at``: the history of a place.
    ``unseen``: counties in which a publication was under way at ``known_at``, its rows written and not yet committed,
    with the last instant before them; there that instant stands for ``known_at`` (:mod:`served.beliefs`).
    """

    days: ValidDays
    known_at: datetime | None
    every_belief: bool = False
    unseen: tuple[tuple[str, datetime], ...] = ()

    def known_in(self, county: str) -> datetime | None:
        """The instant of belief that a county's rows are asked at."""
        return dict(self.unseen).get(county, self.known_at)


def _day(text: str, name: str) -> date:
    """A date, or the day of an instant on this node's clock: validity is kept in whole days."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        return _instant(text).astimezone(timezone.get_current_timezone()).date()
    except ValueError:
        raise BadParameter(
            f"参数 {name} 的值 {text[:60]!r} 不是日期；请写成 2025-12-31 或 2025-12-31T00:00:00Z。",
            f"The value {text[:60]!r} of {name} is no date; write 2025-12-31 or 2025-12-31T00:00:00Z.",
        ) from None


def _instant(text: str) -> datetime:
    # a '+' in a URL that was not escaped arrives as a space
    moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    if "T" not in text.upper() or moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def read_days(datetime_text: str | None, valid_at: str | None) -> ValidDays:
    """The days of ``datetime`` or ``valid_at``; today when neither is given.

    Raises
    ------
    BadParameter
        Both are given, a value cannot be read, or an interval ends before it begins.
    """
    if datetime_text and valid_at:
        raise BadParameter("datetime 与 valid_at 只能用一个。", "Use datetime or valid_at, not both.")
    if valid_at:
        day = _day(valid_at, "valid_at")
        return ValidDays(day, day)
    if not datetime_text:
        today = timezone.localdate()
        return ValidDays(today, today)
    start, slash, end = datetime_text.partition("/")
    if not slash:
        day = _day(start, "datetime")
        return ValidDays(day, day)
    if "/" in end or not (start or end):
        raise BadParameter(
            f"datetime={datetime_text[:60]!r} 不是区间；请写成 2024-01-01/2025-01-01 或 2024-01-01/..。",
            f"datetime={datetime_text[:60]!r} is no interval; write 2024-01-01/2025-01-01 or 2024-01-01/..",
        )
    first = None if start in ("", "..") else _day(start, "datetime")
    last = None if end in ("", "..") else _day(end, "datetime")
    if first and last and first > last:
        raise BadParameter(
            f"datetime 的起点 {first} 晚于终点 {last}。",
            f"The datetime interval starts on {first}, after its end {last}.",
        )
    return ValidDays(first, last)


def read_known_at(text: str | None) -> datetime | None:
    """The instant of ``known_at`` in UTC; None (now) when absent or not yet come.

    Nothing is known of the future, so a later instant means now; the ``Kunyu-Known-At`` header says what was used.
    """
    if not text:
        return None
    try:
        instant = _instant(text)
    except ValueError:
        raise BadParameter(
            f"known_at={text[:60]!r} 不是带时区的时刻；请写成 2026-01-31T08:00:00Z。",
            f"known_at={text[:60]!r} is no instant with a time zone; write 2026-01-31T08:00:00Z.",
        ) from None
    return None if instant >= datetime.now(UTC) else instant


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with microseconds: given back as ``known_at`` it names exactly the same state."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

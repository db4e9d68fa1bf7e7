"""Where each sample case has got to: one course for everything a list of cases can show. 样例办件的进度."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

REVIEW, CONVERSION, PERMIT, RURAL = "S-001", "S-002", "S-006", "S-008"


class End(StrEnum):
    """What a sample has come to."""

    DRAFT = "draft"
    FILLED = "filled"
    SUBMITTED = "submitted"
    CORRECTING = "correcting"
    CORRECTED = "corrected"
    EXAMINING = "examining"
    REVIEWING = "reviewing"
    RETURNED = "returned"
    DECIDING = "deciding"
    PAUSED = "paused"
    NOT_ACCEPTED = "not_accepted"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    GRANTED = "granted"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Course:
    """One sample: its matters, the land it asks for, how far it has come.

    ``used`` is the share of the promised workdays gone since acceptance (or workdays since submission before that);
    ``is_claimed``: in somebody's hands; ``is_supervised``: urged by a manager.
    """

    matters: tuple[str, ...]
    land: str
    end: End
    used: float = 0.3
    is_claimed: bool = False
    is_supervised: bool = False


COURSES = (
    Course((REVIEW,), "town", End.EXAMINING, 0.2),
    Course((REVIEW, PERMIT), "town", End.GRANTED, 0.6),
    Course((RURAL,), "village", End.SUBMITTED, 1.2),
    Course((REVIEW,), "farmland", End.EXAMINING, 1.3, is_supervised=True),
    Course((CONVERSION,), "field", End.REVIEWING, 0.5),
    Course((RURAL,), "village", End.GRANTED, 0.5),
    Course((REVIEW,), "outside", End.CORRECTING, 2.4),
    Course((PERMIT,), "town", End.EXAMINING, 0.75, is_claimed=True),
    Course((REVIEW,), "town", End.DRAFT),
    Course((REVIEW,), "farmland", End.REFUSED, 0.7),
    Course((RURAL,), "village", End.DECIDING, 0.95),
    Course((REVIEW,), "town", End.GRANTED, 0.8),
    Course((REVIEW, PERMIT), "town", End.SUBMITTED, 0.4),
    Course((CONVERSION,), "field", End.DECIDING, 0.75),
    Course((REVIEW,), "red_line", End.PAUSED, 0.4),
    Course((RURAL,), "village", End.WITHDRAWN, 2.0),
    Course((RURAL,), "village", End.EXAMINING, 1.2),
    Course((REVIEW,), "town", End.FILLED),
    Course((PERMIT,), "town", End.GRANTED, 0.7),
    Course((REVIEW,), "town", End.CORRECTED, 4.0),
    Course((REVIEW,), "outside", End.NOT_ACCEPTED, 2.0),
    Course((CONVERSION,), "field", End.GRANTED, 0.8),
    Course((RURAL,), "village", End.REVOKED, 0.6),
    Course((REVIEW,), "town", End.RETURNED, 0.92),
)
"""In this order: fewer samples than courses still show the most different ones first."""


def course_of(number: int) -> Course:
    """The course of the sample with this number, from 0; they come round."""
    return COURSES[number % len(COURSES)]

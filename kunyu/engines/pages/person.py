"""Who is looking: a number, without knowing what a person is."""

from __future__ import annotations

from django.http import HttpRequest


def person_of(request: HttpRequest) -> int | None:
    """The id of the signed-in person: of the principal where an upper engine put one, else Django's user."""
    principal = getattr(request, "principal", None)
    found = principal.user_id if principal is not None else getattr(request.user, "pk", None)
    return None if found is None else int(found)

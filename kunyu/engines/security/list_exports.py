"""Every list handed out as a file is on record before its first byte leaves (setting KUNYU_PAGES_EXPORT_RECORD)."""

from django.db import transaction
from django.http import HttpRequest

from kunyu.engines.security import audit


def record(request: HttpRequest, listing: str, form: str, rows: int, query: str) -> None:
    """One audit entry: which list, in which form, how many rows, with which filter."""
    with transaction.atomic():
        audit.record(request.principal, "export", "list", listing, form=form, rows=rows, query=query[:500])  # type: ignore[attr-defined]

"""Which datasets a principal may know of, decided by the database: the catalogue may hold tens of thousands. 可见数据集."""

from __future__ import annotations

from django.db.models import QuerySet

from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.security import scope
from kunyu.engines.security.labels import ORDINARY
from kunyu.engines.security.scope import SEE, Principal


def visible(principal: Principal, *actions: str) -> QuerySet[Dataset]:
    """Datasets in which ``scope.may`` grants one of ``actions`` (seeing, if none is named).

    Rights, labels and zone are decided in one condition.
    """
    conditions, values = [], []
    for action in actions or (SEE,):
        condition, parameters = scope.collections_predicate(
            principal, action, code="d.code",
            label=f"coalesce(l.secrecy * 9 + l.grading * 3 + l.sharing, {ORDINARY.code})", public="d.is_public",
        )  # fmt: skip
        conditions.append(f"({condition})")
        values += parameters
    allowed = (
        "catalogue_dataset.code IN (SELECT d.code FROM catalogue_dataset d LEFT JOIN security_label l "
        f"ON l.collection = d.code AND l.state = 'approved' WHERE {' OR '.join(conditions)})"
    )
    return Dataset.objects.extra(where=[allowed], params=values)  # noqa: S610 - parameters are bound  # nosec B610

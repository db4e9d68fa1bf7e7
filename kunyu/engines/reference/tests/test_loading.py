"""The real code tables and boundaries load from their packages at volume (issue part "reference"; R-032 base map)."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from kunyu.engines.reference import queries, services
from kunyu.engines.reference.errors import DataPackageMissing
from kunyu.engines.reference.models import Division, DivisionBoundary

pytestmark = pytest.mark.django_db
needs_codes = pytest.mark.skipif(
    not (Path(settings.KUNYU_DIVISION_DATA) / "villages.csv").is_file(),
    reason="package china-division is not installed (make setup installs it)",
)


@needs_codes
def test_all_five_levels_and_their_boundaries(db):
    counts = services.load_reference_data()
    assert counts["divisions"] == 1 + 3 + 31 + 342 + 2978 + 41352 + 620573
    assert queries.division("110101").name_zh == "东城区"
    assert not Division.objects.exclude(parent_code__in=Division.objects.values("code")).exclude(code="0").exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT detail, count(*), bool_and(ST_IsValid(geom)) FROM reference_divisionboundary"
            " WHERE level = 3 AND code <> '' GROUP BY 1 ORDER BY 1"
        )
        assert cursor.fetchall() == [(0, 2891, True), (1, 2891, True), (2, 2891, True)]
    assert DivisionBoundary.objects.filter(code="", level=1).count() == 3 * 8  # the national boundary lines
    assert services.load_reference_data() == counts


def test_missing_package_is_named(settings, tmp_path):
    settings.KUNYU_DIVISION_DATA = tmp_path
    with pytest.raises(DataPackageMissing, match="china-division"):
        services.load_reference_data()
    assert not Division.objects.exists()

"""A published county: the clean sample, or the sample with contradictions put into its control lines."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from kunyu.engines.ingest.tests.conftest import node, sql  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def county_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample county with 600 parcels."""
    from kunyu.project.sample_county.generate import generate_county

    folder = tmp_path_factory.mktemp("verified")
    generate_county(folder, 600, 3)
    return folder


@pytest.fixture
def published(node: None, county_files: Path) -> Path:  # noqa: F811
    """Survey and control lines of the sample county, published."""
    deliver(county_files / "county.gpkg", "TDT1057-2020")
    deliver(county_files / "control.gpkg", "MNR-CONTROL-2021")
    return county_files


def deliver(path: Path, standard: str, division: str = "990101", dataset: str = "", force: bool = False) -> None:
    """Hand in, check and publish a file; ``force`` accepts it whatever the checks found."""
    from kunyu.engines.ingest.publish import publish
    from kunyu.engines.ingest.services import Status, change_status
    from kunyu.engines.ingest.tests.delivered_files import OPERATOR, accepted

    done = accepted(
        path, standard=standard, dataset=dataset, division=division, valid_from=datetime.date(2024, 12, 31)
    )  # fmt: skip
    if force and done.status == Status.RETURNED:
        from kunyu.engines.ingest.models import Delivery

        Delivery.objects.filter(pk=done.pk).update(status=Status.CHECKED)
        change_status(done.pk, Status.ACCEPTED, OPERATOR)
    publish(done.pk, OPERATOR)

"""Fill an empty node for the journeys: catalogue, accounts, the sample county with its change, one faulty package.

Run as a program with the node's environment; every step is the service that the command line and the pages use.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from kunyu.engines.catalogue.loading import load_labelled_catalogue  # noqa: E402
from kunyu.engines.ingest.process import process  # noqa: E402
from kunyu.engines.ingest.publish import publish  # noqa: E402
from kunyu.engines.ingest.receive import Request, receive  # noqa: E402
from kunyu.engines.reference.loading import load_reference_data  # noqa: E402
from kunyu.engines.security.scope import operator  # noqa: E402
from kunyu.engines.security.services import ensure_demo_accounts  # noqa: E402
from kunyu.project.runtime.sample_job import register_divisions  # noqa: E402

SURVEY, CONTROL = "TDT1057-2020", "MNR-CONTROL-2021"


@dataclass(frozen=True)
class Package:
    path: Path
    standard: str
    valid_from: date
    expected: str


def hand_in(package: Package) -> int:
    """Deliver, check and, when accepted, publish."""
    request = Request(package.path.name, "990101", standard_id=package.standard, valid_from=package.valid_from)
    delivery = process(receive(package.path, request, operator()).delivery.pk)
    assert delivery.status == package.expected, (package.path.name, delivery.status, delivery.summary)
    if delivery.status == "accepted":
        publish(delivery.pk, operator())
    return int(delivery.pk)


def main(folder: Path, password: str) -> None:
    call_command("migrate", verbosity=0)
    load_reference_data()
    load_labelled_catalogue("security")
    ensure_demo_accounts(password, operator())
    register_divisions(folder / "good")
    packages = (
        Package(folder / "good" / "county.gpkg", SURVEY, date(2024, 12, 31), "accepted"),
        Package(folder / "good" / "control.gpkg", CONTROL, date(2024, 12, 31), "accepted"),
        Package(folder / "good" / "change-2025.gpkg", SURVEY, date(2025, 12, 31), "accepted"),
        Package(folder / "faulty" / "county.gpkg", SURVEY, date(2024, 12, 31), "returned"),
    )
    print(json.dumps([hand_in(package) for package in packages]))


main(Path(sys.argv[1]), sys.argv[2])

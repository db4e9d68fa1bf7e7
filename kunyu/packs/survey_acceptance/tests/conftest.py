"""A delivered sample county of 300 parcels with its verdict, and the people of a bureau. Django is imported inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COUNTY = "990101"
STANDARD = "TDT1057-2020"


@pytest.fixture(scope="session")
def county_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean sample county with 300 parcels."""
    from kunyu.project.sample_county.generate import generate_county

    folder = tmp_path_factory.mktemp("acceptance")
    generate_county(folder, 300, 11)
    return folder / "county.gpkg"


@pytest.fixture
def bureau(transactional_db: None, onemap_emptied: None) -> Callable[..., Any]:
    """A catalogued node; makes people by name and rights on all survey data of the county."""
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.reference.services import NewDivision, register_fictional
    from kunyu.engines.security import epochs, services
    from kunyu.engines.security.models import User
    from kunyu.engines.security.scope import operator
    from kunyu.engines.security.session import principal_of

    load_labelled_catalogue("security")
    register_fictional(
        [NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"), NewDivision("990101", "坤舆县", "9901"),
         NewDivision("990102", "示范二县", "9901")]
    )  # fmt: skip

    def person(name: str, *actions: str, county: str = COUNTY) -> Any:
        user = User.objects.create_user(name, "correct-horse-9", name_zh=name)
        services.grant(user, actions, actor=operator(), division_prefix=county)
        epochs.forget()
        return principal_of(user)

    return person


@pytest.fixture
def people(bureau: Callable[..., Any]) -> dict[str, Any]:
    """Who delivers, who checks (two), who decides, who only looks, and a stranger from the next county."""
    work = ("see", "query", "approve")
    return {
        "surveyor": bureau("surveyor", "see", "query", "edit", "approve"),
        "checker": bureau("checker", *work),
        "second": bureau("second", *work),
        "boss": bureau("boss", *work),
        "viewer": bureau("viewer", "see", "query"),
        "stranger": bureau("stranger", *work, "edit", county="990102"),
    }


@pytest.fixture
def delivered(people: dict[str, Any], county_file: Path) -> Callable[..., Any]:
    """Hand in a file as the surveyor and let the rules and the outbox run; answers with the delivery."""
    from kunyu.engines.ingest.process import process
    from kunyu.engines.ingest.receive import Request, receive
    from kunyu.kernel.outbox.services import dispatch

    def deliver(path: Path = county_file) -> Any:
        made = receive(path, Request(path.name, COUNTY, STANDARD), people["surveyor"]).delivery
        done = process(made.pk)
        failed = dispatch(1000).failed
        assert failed == 0
        return done

    return deliver

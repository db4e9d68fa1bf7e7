"""Real images delivered and published through the node's own walk, and people with different rights on them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.receive import Request, receive
from kunyu.engines.reference.services import NewDivision, register_fictional
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.services import grant, issue_token

IMAGES, HEIGHTS, INTERNAL = "10102-901@990101", "10104-901@990101", "10102-001"
VALID = datetime.date(2020, 1, 1)
OPERATOR = scope.operator("test")


@dataclass(frozen=True)
class Gallery:
    """Tokens: ``steward`` may see, query and download, ``viewer`` not download, ``stranger`` sees another branch."""

    steward: str
    viewer: str
    stranger: str


def deliver(path: Path, dataset: str, valid_from: datetime.date = VALID, division: str = "990101") -> None:
    """Deliver one file and publish it."""
    asked = Request(path.name, division, dataset_code=dataset, valid_from=valid_from)
    delivery = process(receive(path, asked, OPERATOR).delivery.pk)
    assert delivery.status == "accepted", delivery.summary
    publish(delivery.pk, OPERATOR)


def build(raster: Path) -> Gallery:
    """TCI, the Landsat pair of Nanjing and two DEMs of the shared data, committed."""
    load_labelled_catalogue("security")
    register_fictional(
        [NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"), NewDivision("990101", "坤舆县", "9901")]
    )
    deliver(raster / "cog" / "TCI.tif", IMAGES)
    deliver(raster / "cog" / "TCI.tif", INTERNAL)
    deliver(raster / "landsat_pair_nanjing.zip", IMAGES)
    deliver(raster / "dem" / "srtm_41_19_4326.tif", HEIGHTS)
    deliver(raster / "cog" / "dem.tif", HEIGHTS)
    return Gallery(
        steward=_person("g-steward", scope.READING),
        viewer=_person("g-viewer", (scope.SEE, scope.QUERY)),
        stranger=_person("g-stranger", (scope.SEE, scope.QUERY), branch="2"),
    )


def _person(name: str, actions: tuple[str, ...], **where: str) -> str:
    user = User.objects.create_user(name, "a-long-password", name_zh=name)
    grant(user, actions, actor=OPERATOR, **where)
    return issue_token(user, "tests", OPERATOR)

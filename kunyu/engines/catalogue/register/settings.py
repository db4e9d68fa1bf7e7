"""How registered services are asked, each value from a ``KUNYU_SERVICES_…`` variable with a safe default."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import lru_cache

import psutil
from django.conf import settings

from kunyu.kernel.outbound import Network, Reach, networks_of


@dataclass(frozen=True)
class ServicesSettings:
    """``networks`` of the bureau in which services may stand; ``seconds`` and ``most_mb`` bound one exchange."""

    networks: tuple[Network, ...] = ()
    seconds: float = 20.0
    most_mb: int = 64

    @property
    def reach(self) -> Reach:
        """What the node may ask for registered services; itself never."""
        return Reach(self.networks, _own_places(), self.seconds, self.most_mb << 20)


@lru_cache(maxsize=1)
def services_settings() -> ServicesSettings:
    """The settings of this process, read once from the environment."""
    return ServicesSettings(
        networks_of(os.environ.get("KUNYU_SERVICES_NETWORKS", "")),
        float(os.environ.get("KUNYU_SERVICES_SECONDS") or 20),
        int(os.environ.get("KUNYU_SERVICES_MOST_MB") or 64),
    )


@lru_cache(maxsize=1)
def _own_places() -> frozenset[tuple[str, int]]:
    """Every address of this machine with every port that the node listens on."""
    ports = {int(os.environ.get("KUNYU_PORT") or 8080), settings.KUNYU_EVENTS_PORT, _database_port()}
    addresses = {
        one.address.partition("%")[0]
        for cards in psutil.net_if_addrs().values()
        for one in cards
        if one.family in (socket.AF_INET, socket.AF_INET6)
    }
    return frozenset((address, port) for address in addresses | {"127.0.0.1", "::1"} for port in ports if port)


def _database_port() -> int:
    return int(str(settings.DATABASES["default"].get("PORT") or 5432))

"""Limits of cases and the way to the national platform, from variables ``KUNYU_MATTERS_*`` and ``KUNYU_NATIONAL_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from kunyu.kernel.outbound import Network, Reach, networks_of


@dataclass(frozen=True)
class MattersSettings:
    """Typed settings with defaults that are safe on a laptop: without an address nothing is sent upward.

    Attributes
    ----------
    correction_workdays : int
        ``KUNYU_MATTERS_CORRECTION_WORKDAYS``: workdays an applicant has to correct, where the officer names no day.
    national_url : str
        ``KUNYU_NATIONAL_URL``: address that takes the messages about cases; empty: they wait in the node.
    national_token : str
        ``KUNYU_NATIONAL_TOKEN``: sent as ``Authorization: Bearer``.
    national_networks : tuple of networks
        ``KUNYU_NATIONAL_NETWORKS``: internal networks in which the platform (or its simulator) may stand.
    national_seconds : float
        ``KUNYU_NATIONAL_SECONDS``: bound of one exchange.
    """

    correction_workdays: int = 15
    national_url: str = ""
    national_token: str = ""
    national_networks: tuple[Network, ...] = ()
    national_seconds: float = 10.0

    @property
    def national_reach(self) -> Reach:
        """What the adapter may ask."""
        return Reach(self.national_networks, frozenset(), self.national_seconds, 1 << 20)


@lru_cache(maxsize=1)
def matters_settings() -> MattersSettings:
    """The settings in force in this process."""
    return MattersSettings(
        correction_workdays=int(os.environ.get("KUNYU_MATTERS_CORRECTION_WORKDAYS", "15")),
        national_url=os.environ.get("KUNYU_NATIONAL_URL", "").rstrip("/"),
        national_token=os.environ.get("KUNYU_NATIONAL_TOKEN", ""),
        national_networks=networks_of(os.environ.get("KUNYU_NATIONAL_NETWORKS", "")),
        national_seconds=float(os.environ.get("KUNYU_NATIONAL_SECONDS", "10")),
    )

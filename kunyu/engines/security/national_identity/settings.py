"""Where the identity provider stands and how its word is known, from variables ``KUNYU_IDENTITY_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kunyu.kernel.crypto.certificates import Certificate, read_certificates
from kunyu.kernel.outbound import Network, Reach, networks_of

MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class NationalIdentitySettings:
    """Without an address the button is not shown and nothing is asked.

    Attributes
    ----------
    url : str
        ``KUNYU_IDENTITY_URL``: page of the provider to which the browser is sent.
    assertion_url : str
        ``KUNYU_IDENTITY_ASSERTION_URL``: where this node fetches the assertion for a ticket.
    issuer : str
        ``KUNYU_IDENTITY_ISSUER``: name that assertions must bear.
    client : str
        ``KUNYU_IDENTITY_CLIENT``: this node's name at the provider; assertions must be meant for it.
    token : str
        ``KUNYU_IDENTITY_TOKEN``: sent as ``Authorization: Bearer`` when the assertion is fetched.
    certificates : str
        ``KUNYU_IDENTITY_CERTIFICATES``: PEM file of the SM2 certificates that may sign assertions; two while one is
        being replaced.
    networks : tuple of networks
        ``KUNYU_IDENTITY_NETWORKS``: internal networks in which the provider (or its simulator) may stand.
    seconds : float
        ``KUNYU_IDENTITY_SECONDS``: bound of fetching.
    clock_seconds : int
        ``KUNYU_IDENTITY_CLOCK_SECONDS``: how far the provider's clock may be off.
    """

    url: str = ""
    assertion_url: str = ""
    issuer: str = ""
    client: str = ""
    token: str = ""
    certificates: str = ""
    networks: tuple[Network, ...] = ()
    seconds: float = 10.0
    clock_seconds: int = 60

    @property
    def is_configured(self) -> bool:
        """Is everything said that is needed to ask and to believe?"""
        return all((self.url, self.assertion_url, self.issuer, self.client, self.certificates))

    @property
    def reach(self) -> Reach:
        """What the adapter may ask."""
        return Reach(self.networks, frozenset(), self.seconds, MOST_BYTES)

    def signers(self) -> tuple[Certificate, ...]:
        """The certificates that may sign; read each time, so that a replaced file holds at once."""
        return read_certificates(Path(self.certificates).read_bytes())


_NAMES = ("URL", "ASSERTION_URL", "ISSUER", "CLIENT", "TOKEN", "CERTIFICATES", "NETWORKS", "SECONDS", "CLOCK_SECONDS")


def national_identity_settings() -> NationalIdentitySettings:
    """The settings as the environment gives them now."""
    return _read(tuple(os.environ.get(f"KUNYU_IDENTITY_{name}", "") for name in _NAMES))


@lru_cache(maxsize=4)
def _read(given: tuple[str, ...]) -> NationalIdentitySettings:
    url, assertion_url, issuer, client, token, certificates, networks, seconds, clock = given
    return NationalIdentitySettings(
        url.rstrip("/"), assertion_url.rstrip("/"), issuer, client, token, certificates, networks_of(networks),
        float(seconds or 10), int(clock or 60),
    )  # fmt: skip

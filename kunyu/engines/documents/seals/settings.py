"""What a node may set about seals, from variables ``KUNYU_SEALS_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class SealsSettings:
    """Adapters and limits.

    Attributes
    ----------
    keys : str
        Dotted path of a class with `keys.SealKeys`: where private keys lie and sign.
    maker : str
        Dotted path of a class with `makers.SealMaker`: who certifies seals and signs their data.
    years : int
        How long a new seal is valid when nobody says otherwise.
    years_max : int
    picture_bytes_max : int
        Largest uploaded picture.
    profiles : str
        What licences and letters are sealed by, in this order, comma-separated: ``sm2``, ``ecdsa``. The picture goes with
        the first.
    """

    keys: str = "kunyu.engines.documents.seals.keys.NodeKeys"
    maker: str = "kunyu.engines.documents.seals.makers.NodeMaker"
    years: int = 5
    years_max: int = 10
    picture_bytes_max: int = 2 * 1024 * 1024
    profiles: str = "sm2,ecdsa"

    @property
    def listed_profiles(self) -> tuple[str, ...]:
        """The profiles one by one."""
        return tuple(dict.fromkeys(one.strip() for one in self.profiles.split(",") if one.strip()))


@lru_cache(maxsize=1)
def seals_settings() -> SealsSettings:
    """The settings of this process, read once from the environment."""
    given: dict[str, Any] = {}
    for field in fields(SealsSettings):
        text = os.environ.get(f"KUNYU_SEALS_{field.name.upper()}")
        if text is not None:
            given[field.name] = int(text) if isinstance(field.default, int) else text
    return SealsSettings(**given)

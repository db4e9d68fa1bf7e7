"""The content of a material, where a program must read it by path. 材料内容."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kunyu.engines.matters.materials import formats
from kunyu.engines.matters.models import Material
from kunyu.engines.security.protection import object_store


@contextmanager
def content_at(material: Material) -> Iterator[Path]:
    """A path with the plain content, gone afterwards."""
    with object_store().at_path(material.sm3, "material") as path:
        yield path


def format_of(material: Material) -> str:
    """Name of the format by the media type that was found when it was taken; '' for none that is known here."""
    return next((one.name for one in formats.FORMATS.values() if one.media_type == material.media_type), "")

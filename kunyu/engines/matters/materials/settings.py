"""Limits of materials; each may be set by an environment variable ``KUNYU_MATTERS_<NAME>``. 材料的限额."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache

MIB = 1 << 20


@dataclass(frozen=True)
class MaterialSettings:
    """What one material may be, and what reading it may cost.

    Attributes
    ----------
    material_mb : int
        Largest file, MiB: a scan of a thick volume.
    pdf_pages, pdf_objects : int
        Most pages and most objects of a PDF; a drawing set has some hundred thousand objects.
    zip_entries, zip_unpacked_mb, zip_ratio : int
        Most files, most MiB unpacked and largest unpacked : packed of OFD, DOCX, XLSX and ZIP.
    image_megapixels : int
        Largest picture; an A0 sheet at 300 dpi has 140.
    examine_seconds : int
        Longest look at a file before it is taken.
    worker_memory_mb : int
        Address space of a process that looks into a file, MiB.
    read_seconds : int
        Longest reading of one material, all its pages together.
    ocr_pages, ocr_page_seconds, ocr_dpi : int
        Most pages read by recognition in one material; seconds for each; resolution they are drawn at.
    text_letters : int
        Letters kept of one material.
    picture_pixels : int
        Longest side of a page drawn for the side-by-side view.
    picture_cache_mb : int
        Room on the disk for drawn pages (encrypted).
    """

    material_mb: int = 200
    pdf_pages: int = 3_000
    pdf_objects: int = 500_000
    zip_entries: int = 5_000
    zip_unpacked_mb: int = 1_024
    zip_ratio: int = 200
    image_megapixels: int = 200
    examine_seconds: int = 60
    worker_memory_mb: int = 2_048
    read_seconds: int = 1_800
    ocr_pages: int = 60
    ocr_page_seconds: int = 60
    ocr_dpi: int = 300
    text_letters: int = 200_000
    picture_pixels: int = 1_800
    picture_cache_mb: int = 512


@lru_cache(maxsize=1)
def material_settings() -> MaterialSettings:
    """The limits in force in this process."""
    given = {}
    for field in fields(MaterialSettings):
        text = os.environ.get(f"KUNYU_MATTERS_{field.name.upper()}")
        if text is not None:
            given[field.name] = int(text)
    return MaterialSettings(**given)

"""Read a picture of a page by tesseract: Chinese and English, lines with places and confidence. 光学识别.

Tesseract is a program beside us, not a library: without it nothing here can be read, and every answer that would need it
is *not checked*.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kunyu.engines.matters.materials.text_pages import Box, Line

PROGRAM = "tesseract"
LANGUAGES = ("chi_sim", "eng")
MOST_PIXELS = 20_000_000
_STEEPEST, _STEP = 3.0, 0.25  # degrees
_SURE_PERCENT = 100.0
_WORD = "5"
_PAGE = ("+".join(LANGUAGES), "6")
_ONE_LINE = (LANGUAGES[0], "7")
_UNSURE, _BETTER = 0.7, 0.1
_SECOND_LOOKS = 10
_LEAST_SECONDS = 2
"""A line read with less confidence is looked at again by itself, up to so many of a page, while there is time."""


class NotRecognised(Exception):
    """The page was not read; ``code`` says why: ``no_program``, ``no_language``, ``time``, ``failed``."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(f"{code}: {said}" if said else code)
        self.code = code


@dataclass(frozen=True)
class _Word:
    text: str
    confidence: float
    left: int
    top: int
    right: int
    bottom: int


def missing_parts() -> list[str]:
    """What is not installed of program and languages; empty: pictures can be read."""
    if shutil.which(PROGRAM) is None:
        return [PROGRAM]
    listed = subprocess.run(
        [PROGRAM, "--list-langs"], capture_output=True, text=True, check=False, timeout=20
    ).stdout.split()
    return [one for one in LANGUAGES if one not in listed]


def recognise(image: Image.Image, folder: Path, dpi: int, seconds: int) -> tuple[Line, ...]:
    """Lines of a picture, from top to bottom.

    Parameters
    ----------
    folder : Path
        Where the picture is put for the program; removed afterwards.

    Raises
    ------
    NotRecognised
    """
    grey = _bounded(image.convert("L"))
    angle = _skew(grey)
    if angle:
        grey = grey.rotate(angle, resample=Image.Resampling.BILINEAR, fillcolor=255)
    grey = _without_rules(grey, dpi)
    ends = time.monotonic() + seconds
    lines = [_line(words, grey.size) for words in _rows(_run(grey, folder, dpi, seconds, *_PAGE))]
    unsure = sorted((one for one in lines if one.confidence < _UNSURE), key=lambda one: one.confidence)
    for line in unsure[:_SECOND_LOOKS]:
        left = ends - time.monotonic()
        if left < _LEAST_SECONDS:
            break
        lines[lines.index(line)] = _second_look(line, grey, folder, dpi, left)
    return tuple(lines)


def _second_look(line: Line, grey: Image.Image, folder: Path, dpi: int, seconds: float) -> Line:
    """The line by itself, as Chinese only: with two languages a line of both is at times taken for English whole."""
    assert line.box is not None
    width, height = grey.size
    edge = dpi // 25
    box = (
        max(0, int(line.box[0] * width) - edge), max(0, int(line.box[1] * height) - edge // 2),
        min(width, int(line.box[2] * width) + edge), min(height, int(line.box[3] * height) + edge // 2),
    )  # fmt: skip
    try:
        rows = _rows(_run(grey.crop(box), folder, dpi, seconds, *_ONE_LINE))
    except NotRecognised:
        return line
    words = [word for row in rows for word in row]
    if not words:
        return line
    found = _line(words, (1, 1))
    return Line(found.text, found.confidence, line.box) if found.confidence > line.confidence + _BETTER else line


def is_blank(image: Image.Image) -> bool:
    """Does the picture hold nothing but paper?"""
    small = np.asarray(image.convert("L").reduce(max(1, min(image.size) // 400)), dtype=np.int16)
    return bool(small.size == 0 or small.max() - small.min() < 24)


def _bounded(image: Image.Image) -> Image.Image:
    pixels = image.width * image.height
    if pixels <= MOST_PIXELS:
        return image
    share = (MOST_PIXELS / pixels) ** 0.5
    return image.resize((max(1, int(image.width * share)), max(1, int(image.height * share))))


def _skew(grey: Image.Image) -> float:
    """Degrees to turn a crooked scan by: where dark and light rows differ most."""
    small = grey.reduce(max(1, grey.width // 700))
    dark = Image.fromarray(((np.asarray(small) < 128) * 255).astype(np.uint8))

    def contrast(angle: float) -> float:
        rows = np.asarray(dark.rotate(angle)).sum(axis=1, dtype=np.float64)
        return float(np.square(np.diff(rows)).sum())

    angles = np.arange(-_STEEPEST, _STEEPEST + _STEP / 2, _STEP)
    best = float(max(angles, key=contrast))
    return best if contrast(best) > 1.05 * contrast(0.0) else 0.0


def _without_rules(grey: Image.Image, dpi: int) -> Image.Image:
    """The picture without the rules of tables: tesseract takes a framed table for a drawing and leaves it out.

    A rule is dark for nine tenths of two thirds of an inch; no stroke of a letter below 48 points is.
    """
    pixels = np.array(grey)
    dark = pixels < min(160, int(pixels.mean()) - 24)
    reach = max(40, dpi * 2 // 3)
    rules = _runs_along(dark, reach) | _runs_along(dark.T, reach).T
    for shift in (1, 2):  # the grey edges of a rule
        rules[shift:] |= rules[:-shift]
        rules[:, shift:] |= rules[:, :-shift]
        rules[:-shift] |= rules[shift:]
        rules[:, :-shift] |= rules[:, shift:]
    pixels[rules] = 255
    return Image.fromarray(pixels)


def _runs_along(dark: np.ndarray, reach: int) -> np.ndarray:
    """Cells within a run along the second axis that is dark for nine tenths of ``reach`` cells."""
    width = dark.shape[1]
    if width <= reach:
        return np.zeros_like(dark)
    sums = np.cumsum(dark, axis=1, dtype=np.int32)
    held = np.zeros(dark.shape, dtype=np.int32)
    full = (sums[:, reach:] - sums[:, :-reach]) >= reach * 9 // 10
    held[:, 1 : width - reach + 1] += full
    held[:, reach + 1 :] -= full[:, : width - reach - 1]
    return np.asarray((np.cumsum(held, axis=1) > 0) & dark)


def _run(image: Image.Image, folder: Path, dpi: int, seconds: float, languages: str, layout: str) -> str:
    """What the program says of a picture, as its table of words."""
    place = folder / "page.png"
    command = [PROGRAM, str(place), "stdout", "-l", languages, "--psm", layout, "--dpi", str(dpi), "tsv"]
    try:
        image.save(place, compress_level=1)
        done = subprocess.run(
            command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL, cwd=folder
        )
    except FileNotFoundError:
        raise NotRecognised("no_program", PROGRAM) from None
    except subprocess.TimeoutExpired:
        raise NotRecognised("time", f"{seconds:.0f} s") from None
    finally:
        place.unlink(missing_ok=True)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise NotRecognised("no_language" if "loading language" in said else "failed", said[-160:])
    return done.stdout.decode("utf-8", "replace")


def _rows(table: str) -> list[list[_Word]]:
    """Words by line, in the order of the page."""
    rows: dict[tuple[str, str, str], list[_Word]] = {}
    for one in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (one.get("text") or "").strip()
        if one.get("level") != _WORD or not text:
            continue
        left, top = int(one["left"]), int(one["top"])
        word = _Word(
            text, float(one["conf"]) / _SURE_PERCENT, left, top, left + int(one["width"]), top + int(one["height"])
        )
        rows.setdefault((one["block_num"], one["par_num"], one["line_num"]), []).append(word)
    return list(rows.values())


def _line(words: list[_Word], size: tuple[int, int]) -> Line:
    text, end = "", words[0].left
    tall = float(np.median([one.bottom - one.top for one in words])) or 1.0
    for word in words:
        gap = word.left - end
        text += ("\t" if gap > 1.8 * tall else " " if gap > 0.3 * tall else "") + word.text if text else word.text
        end = word.right
    letters = sum(len(one.text) for one in words)
    sure = sum(max(one.confidence, 0.0) * len(one.text) for one in words) / letters
    width, height = size
    box: Box = (
        min(one.left for one in words) / width, min(one.top for one in words) / height,
        max(one.right for one in words) / width, max(one.bottom for one in words) / height,
    )  # fmt: skip
    return Line(text, sure, box)

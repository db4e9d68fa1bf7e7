"""Template tags of every page: two languages, the built web entries, what a person may do.

They stand in the security engine because ``can`` asks the principal. Templates of the engine ``pages`` below load them by
name, as they extend the project's ``base.html``: both come with every node.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.template import Context, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kunyu.engines.security.scope import ANONYMOUS

register = template.Library()

SQUARE_METRES_PER_MU = 10_000 / 15
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)


@register.tag
def t(parser: Parser, token: Token) -> Bilingual:
    """``{% t "中文" "English" %}``: the text in the language of the page (context ``lang``), Chinese by default.

    A name without its English falls back to the Chinese; an English that the template writes as ``""`` says nothing:
    ``{% t "第" "version" %} 2 {% t "版" "" %}``. With ``as name`` the text is kept instead of shown.

    Raises
    ------
    TemplateSyntaxError
        When it is not two texts, with or without ``as name``.
    """
    _, *bits = token.split_contents()
    target = bits[3] if len(bits) == 4 and bits[2] == "as" else ""
    if len(bits) != 2 and not target:
        raise TemplateSyntaxError(f"t takes a Chinese and an English text: {token.contents}")
    texts = parser.compile_filter(bits[0]), parser.compile_filter(bits[1])
    return Bilingual(*texts, target, is_silent=bits[1] == '""')


class Bilingual(template.Node):
    """One text in two languages."""

    def __init__(self, zh: FilterExpression, en: FilterExpression, target: str, *, is_silent: bool) -> None:
        self.zh, self.en, self.target = zh, en, target
        self.is_silent = is_silent

    def render(self, context: Context) -> SafeString:
        """The text of the page's language, escaped; nothing when it is kept under a name."""
        text = self._text(context)
        if self.target:
            context[self.target] = text
            return SafeString("")
        return format_html("{}", text)

    def _text(self, context: Context) -> object:
        if context.get("lang") == "en":
            text = self.en.resolve(context)
            if text or self.is_silent:
                return text
        return self.zh.resolve(context)


@register.simple_tag(takes_context=True)
def can(context: Context, *actions: str) -> bool:
    """``{% can "edit" "approve" as delivers %}``: may the person do any of these to any data at all?"""
    principal = getattr(context.get("request"), "principal", ANONYMOUS)
    return any(right.action in actions for right in principal.rights)


@register.simple_tag
def web_entry(name: str) -> SafeString:
    """``{% web_entry "workbench" %}``: stylesheets, preloads and module script of one entry of ``web/``."""
    files = _entry_files(name, *_manifest_stamp())
    if files is None:
        # said on the page, not raised: a node without its web build must still sign people in and say what is wrong
        return format_html('<meta name="kunyu-web-build" content="{}">', f"missing: {name}")
    styles, imports, script = files
    base = settings.STATIC_URL
    return (
        format_html_join("\n", '<link rel="stylesheet" href="{}{}">', ((base, path) for path in styles))
        + format_html_join("\n", '<link rel="modulepreload" href="{}{}">', ((base, path) for path in imports))
        + format_html('<script type="module" src="{}{}"></script>', base, script)
    )


def _manifest_stamp() -> tuple[Path, int]:
    path = Path(settings.WEB_DIST) / "manifest.json"
    try:
        return path, path.stat().st_mtime_ns
    except FileNotFoundError:
        return path, 0


@lru_cache(maxsize=32)
def _entry_files(name: str, path: Path, stamp: int) -> tuple[list[str], list[str], str] | None:
    """Stylesheets, imported chunks and script of an entry; ``stamp`` makes a new build visible without a restart."""
    if not stamp:
        return None
    manifest = json.loads(path.read_text(encoding="utf-8"))
    entry = manifest.get(f"src/{name}.ts")
    if entry is None:
        return None
    order: list[str] = []
    _collect(entry, manifest, order)
    styles = [css for key in order for css in manifest[key].get("css", [])] + entry.get("css", [])
    imports = [manifest[key]["file"] for key in order]
    return list(dict.fromkeys(styles)), imports, entry["file"]


def _collect(entry: dict[str, list[str]], manifest: dict[str, dict[str, list[str]]], order: list[str]) -> None:
    for key in entry.get("imports", []):
        if key not in order:
            order.append(key)
            _collect(manifest[key], manifest, order)


@register.filter
def hectares(area_m2: float | None) -> str:
    """Square metres as hectares with two decimals and thousands separators, without the unit."""
    return "" if area_m2 is None else f"{area_m2 / 10_000:,.2f}"


@register.filter
def mu(area_m2: float | None) -> str:
    """Square metres as 亩 (1/15 ha) with one decimal, without the unit."""
    return "" if area_m2 is None else f"{area_m2 / SQUARE_METRES_PER_MU:,.1f}"


@register.filter
def iso(value: date | datetime | None) -> str:
    """A day as ``2026-11-23``, an instant as ``2026-11-23 08:30`` in the node's time zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    return value.isoformat()


@register.filter
def count(value: int | None) -> str:
    """A number with thousands separators; nothing when unknown."""
    return "" if value is None else f"{value:,}"


@register.filter
def figure(value: float | str | None) -> str:
    """A measure with thousands separators and at most four decimals; what is no measure is said as it is.

    Digits without a decimal point in a text may be a code (``0199``): only ``4241.17`` is taken for a measure there.
    """
    if value is None or isinstance(value, bool):
        return ""
    number = Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value
    if isinstance(number, str):
        return number
    whole, _, rest = f"{number:,.4f}".partition(".")
    return f"{whole}.{rest}".rstrip("0").rstrip(".")


@register.simple_tag
def swatch(styles: Mapping[str, Mapping[str, object]], codelist: str, code: str) -> SafeString:
    """A small square in the fill colour that a standard gives ``code`` of ``codelist``; nothing when it gives none."""
    found = styles.get(codelist, {}).get(code)
    fill = getattr(found, "fill", "")
    return format_html('<i class="ky-fill" style="background:{}"></i>', fill) if fill else SafeString("")

"""A standard of one layer with personal fields, written to a folder: none of the shipped layers has any."""

from __future__ import annotations

from pathlib import Path

STANDARD = "TEST-HOLDERS-2026"
DATASET = "30201-001"
COLLECTION = f"{DATASET}.HOLDER.{STANDARD}"
TABLE = "holder_test_holders_2026"

_STANDARD = f"""
id = "{STANDARD}"
number = "{STANDARD}"
name_zh = "试验：权利人"
name_en = "Test: rights holders"
edition = "2026"
verified = false
layers = ["HOLDER"]
"""
_LAYER = f"""
code = "HOLDER"
name_zh = "宗地权利人"
name_en = "Parcels with their rights holder"
geometry = "Polygon"
presence = "O"
dataset = "{DATASET}"
"""
_FIELD = """
[[fields]]
code = "{code}"
name_zh = "{name_zh}"
name_en = "{code}"
type = "VarChar"
length = {length}
"""
FIELDS = (("BSM", "标识码", 32, ""), ("QLR", "权利人", 12, "name"), ("ZJHM", "证件号码", 18, "document"),
          ("LXDH", "联系电话", 20, "phone"), ("ZL", "坐落", 100, "address"))  # fmt: skip


def write_standard(folder: Path, *, key: str = "BSM", extra: str = "") -> Path:
    """Write the standard below ``folder``, which ``KUNYU_STANDARDS`` may name; ``key`` and ``extra`` spoil it."""
    place = folder / STANDARD
    (place / "layers").mkdir(parents=True)
    (place / "standard.toml").write_text(_STANDARD, encoding="utf-8")
    fields = "".join(
        _FIELD.format(code=code, name_zh=name, length=length) + (f'personal = "{personal}"\n' if personal else "")
        for code, name, length, personal in FIELDS
    )
    layer = f'{_LAYER}key = "{key}"\n{fields}{extra}'
    (place / "layers" / "HOLDER.toml").write_text(layer, encoding="utf-8")
    return folder

"""How a file is refused: which file, what was measured, the limit, what to do. 退件用语."""

from __future__ import annotations

from kunyu.engines.matters.errors import BadMaterial


def refuse(
    name: str, why: str, zh: str, en: str, remedy_zh: str, remedy_en: str, measured: object = None,
    limit: object = None, unit: str = "",
) -> BadMaterial:  # fmt: skip
    """The error to raise; ``why`` is a code programs may compare."""
    facts = {"measured": measured, "limit": limit, "unit": unit or None}
    return BadMaterial(
        f"材料 {name} {zh}。{remedy_zh}。", f"Material {name} {en}. {remedy_en}.", file=name, why=why,
        **{key: value for key, value in facts.items() if value is not None},
    )  # fmt: skip


def damaged(name: str, what_zh: str, what_en: str, why: object) -> BadMaterial:
    """The file is cut off or broken."""
    said = str(why).splitlines()[0][:160] if str(why) else type(why).__name__
    return refuse(
        name, "damaged", f"不是完整的{what_zh}（{said}）", f"is not a whole {what_en} ({said})",
        "文件可能没有传完或已损坏，请重新导出后再上传", "It may be cut off or damaged: export it anew and upload again",
    )  # fmt: skip

"""Files are known by their content and refused in words: encrypted, scripts, launch actions, bombs, cut off."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials.settings import MaterialSettings
from kunyu.engines.matters.materials.taking import examined
from kunyu.engines.matters.materials.tests import samples

EVERY = ("pdf", "ofd", "jpg", "png", "tiff", "docx", "xlsx", "zip")


def look(tmp_path: Path, content: bytes, allowed: tuple[str, ...] = EVERY, **limits: int) -> dict[str, object]:
    path = tmp_path / "upload"
    path.write_bytes(content)
    return examined(path, "材料.pdf", allowed, MaterialSettings(**limits))


def refused(tmp_path: Path, content: bytes, allowed: tuple[str, ...] = EVERY, **limits: int) -> BadMaterial:
    with pytest.raises(BadMaterial) as caught:
        look(tmp_path, content, allowed, **limits)
    assert caught.value.context["file"] == "材料.pdf"
    assert caught.value.detail_zh.startswith("材料 材料.pdf")
    return caught.value


def test_formats_by_content(tmp_path: Path) -> None:
    assert look(tmp_path, samples.form_pdf(pages=3)) == {"format": "pdf", "pages": 3}
    assert look(tmp_path, samples.scan_pdf()) == {"format": "pdf", "pages": 1}
    assert look(tmp_path, samples.scan_png()) == {"format": "png", "pages": 1}
    assert look(tmp_path, samples.ofd(["申请单位：某局"])) == {"format": "ofd", "pages": 1}
    assert look(tmp_path, samples.docx()) == {"format": "docx", "pages": None}
    shapes = samples.packed({"a.shp": b"1", "a.dbf": b"2", "a.shx": b"3"})
    assert look(tmp_path, shapes) == {"format": "zip", "pages": None}


def test_tiff_and_jpeg(tmp_path: Path) -> None:
    from PIL import Image

    pages = [Image.new("L", (200, 300), shade) for shade in (255, 200, 100)]
    tiff = io.BytesIO()
    pages[0].save(tiff, "TIFF", save_all=True, append_images=pages[1:])
    assert look(tmp_path, tiff.getvalue()) == {"format": "tiff", "pages": 3}
    jpeg = io.BytesIO()
    pages[0].save(jpeg, "JPEG")
    assert look(tmp_path, jpeg.getvalue()) == {"format": "jpg", "pages": 1}


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"MZ\x90\0", b"\xd0\xcf\x11\xe0"]
)  # fmt: skip
def test_what_is_none_of_them(tmp_path: Path, content: bytes) -> None:
    error = refused(tmp_path, content, ("pdf", "png"))
    assert error.context["why"] == "format"
    assert error.detail_zh == (
        "材料 材料.pdf 的内容不是可接收的格式（以内容为准，与文件名无关），本项材料接收 PDF、PNG。请另存为可接收的格式后上传。"
    )


def test_a_format_this_kind_does_not_take(tmp_path: Path) -> None:
    error = refused(tmp_path, samples.scan_png(), ("pdf",))
    assert error.detail_zh == "材料 材料.pdf 的内容是 PNG，本项材料接收 PDF。请另存为可接收的格式后上传。"


def test_an_empty_file(tmp_path: Path) -> None:
    assert refused(tmp_path, b"").detail_zh == "材料 材料.pdf 是空文件（0 字节）。请检查原文件后重新上传。"


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_off(tmp_path: Path, share: float) -> None:
    for content in (samples.form_pdf(), samples.scan_png(), samples.ofd(["某局"] * 50), samples.docx()):
        assert refused(tmp_path, content[: int(len(content) * share)]).context["why"] == "damaged"


@pytest.mark.parametrize(
    ("make", "why", "words"),
    [
        (samples.encrypted_pdf, "encrypted", "已加密或设有权限密码"),
        (samples.script_pdf, "script", "带有JavaScript 脚本"),
        (samples.escaped_script_pdf, "script", "带有JavaScript 脚本"),
        (samples.hidden_script_pdf, "script", "带有JavaScript 脚本"),
        (samples.launch_pdf, "launch", "带有启动外部程序的动作（Launch）（第 2 页）"),
        (samples.attachment_pdf, "embedded", "带有内嵌文件"),
        (samples.xfa_pdf, "xfa", "带有XFA 动态表单"),
    ],
)
def test_a_pdf_that_is_more_than_paper(tmp_path: Path, make: object, why: str, words: str) -> None:
    error = refused(tmp_path, make())  # type: ignore[operator]
    assert error.context["why"] == why
    assert words in error.detail_zh
    assert error.detail_en.startswith("Material 材料.pdf ")


def test_encrypted_for_reading_by_anybody_is_encrypted(tmp_path: Path) -> None:
    assert refused(tmp_path, samples.encrypted_pdf("")).context["why"] == "encrypted"


def test_a_text_about_scripts_is_no_script(tmp_path: Path) -> None:
    assert look(tmp_path, samples.words_pdf()) == {"format": "pdf", "pages": 1}


def test_too_many_pages_and_objects(tmp_path: Path) -> None:
    error = refused(tmp_path, samples.form_pdf(pages=3), pdf_pages=2)
    assert (error.context["why"], error.context["measured"], error.context["limit"]) == ("pages", 3, 2)
    assert refused(tmp_path, samples.form_pdf(), pdf_objects=5).context["why"] == "objects"


@pytest.mark.parametrize("inner", ["Doc_0/Document.xml", "word/document.xml"])
def test_a_zip_bomb(tmp_path: Path, inner: str) -> None:
    error = refused(tmp_path, samples.bomb(inner))
    assert error.context["why"] == "bomb"
    assert "倍，上限 200 倍" in error.detail_zh


def test_more_than_may_be_unpacked_and_too_many_files(tmp_path: Path) -> None:
    assert refused(tmp_path, samples.bomb(size=20 << 20), zip_unpacked_mb=10).context["unit"] == "B"
    many = samples.packed({f"{number}.txt": b"" for number in range(30)})
    assert refused(tmp_path, many, zip_entries=20).context["measured"] == 30


def test_archives_programs_and_climbing_names_within_a_zip(tmp_path: Path) -> None:
    assert refused(tmp_path, samples.packed({"b.zip": samples.packed({"a.shp": b"1"})})).context["why"] == "bomb"
    assert refused(tmp_path, samples.packed({"run.exe": b"MZ"})).context["why"] == "format"
    assert refused(tmp_path, samples.packed({"../../a.shp": b"1"})).context["why"] == "unsafe_name"


def test_a_document_with_macros(tmp_path: Path) -> None:
    files = {"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>", "word/vbaProject.bin": b"x"}
    assert refused(tmp_path, samples.packed(files)).context["why"] == "script"


def test_an_ofd_with_entities_or_names_outside(tmp_path: Path) -> None:
    bad = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><ofd:OFD xmlns:ofd="x"><ofd:DocRoot>&b;</ofd:DocRoot></ofd:OFD>'
    assert refused(tmp_path, samples.packed({"OFD.xml": bad})).context["why"] == "damaged"
    away = b'<ofd:OFD xmlns:ofd="x"><ofd:DocRoot>../../etc/passwd</ofd:DocRoot></ofd:OFD>'
    assert refused(tmp_path, samples.packed({"OFD.xml": away})).context["why"] == "damaged"


def test_an_image_bomb(tmp_path: Path) -> None:
    """Eight hundred million pixels in some hundred kilobytes."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 20_000, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")
    error = refused(tmp_path, bomb)
    assert (error.context["why"], error.context["measured"], error.context["limit"]) == ("image_size", 800.0, 200)


def test_what_takes_too_long_or_too_much_is_ended(tmp_path: Path) -> None:
    """The process is ended, the sentence is ours, and nothing hangs."""
    error = refused(tmp_path, samples.form_pdf(), worker_memory_mb=24)
    assert error.context["why"] == "unreadable"
    assert "内存上限 24 MiB" in error.detail_zh
    error = refused(tmp_path, samples.form_pdf(), examine_seconds=0)
    assert error.detail_zh == "材料 材料.pdf 在 0 秒内没有读完。请减少页数或重新导出后再上传。"

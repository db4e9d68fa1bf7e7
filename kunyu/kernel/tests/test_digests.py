"""SM3 and canonical JSON. Known answers: domain/security.md §4 and GB/T 32905-2016 appendix A."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunyu.kernel.digests import Sm3, canonical_json, is_sm3, sm3_file, sm3_hex
from kunyu.kernel.errors import UsageError

ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
SIXTY_FOUR_BYTES = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
EMPTY = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"


@pytest.mark.parametrize(("data", "expected"), [(b"abc", ABC), (b"abcd" * 16, SIXTY_FOUR_BYTES), (b"", EMPTY)])
def test_known_answers(data, expected):
    assert sm3_hex(data) == expected


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_pieces_digest_like_the_whole(pieces):
    digest = Sm3()
    for piece in pieces:
        digest.update(piece)
        digest.hexdigest()  # reading in between must not disturb it

    assert digest.hexdigest() == sm3_hex(b"".join(pieces))


def test_file_is_digested_in_pieces(tmp_path):
    content = bytes(range(256)) * 9000  # 2.2 MiB: more than two reads
    path = tmp_path / "文件.bin"
    path.write_bytes(content)

    assert sm3_file(path) == sm3_hex(content)


def test_is_sm3():
    assert is_sm3(ABC)
    assert not is_sm3(ABC.upper())
    assert not is_sm3(ABC[:-1])
    assert not is_sm3("../" + ABC[3:])


def test_canonical_json_is_one_text():
    assert canonical_json({"b": [1, 2.5, None], "a": "图斑"}) == '{"a":"图斑","b":[1,2.5,null]}'.encode()
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, [-math.inf], {"a": math.nan}, {1: "x"}, [{"a": {2: 1}}], object()]
)
def test_what_has_no_canonical_json_is_refused(value):
    with pytest.raises(UsageError) as caught:
        canonical_json(value)

    assert caught.value.code == "usage"


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_canonical_json_reads_back(value):
    assert json.loads(canonical_json(value)) == value

"""Masks of personal data: the wanted forms, and Python and SQL letter for letter the same (R-070)."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from kunyu.engines.security.masks import KINDS, mask, mask_sql
from kunyu.kernel.errors import UsageError

FORMS = [
    ("name", "张三", "张*"),
    ("name", "欧阳修", "欧**"),
    ("name", "丁", "*"),
    ("name", "𠮷野家", "𠮷**"),
    ("document", "11010119900307002X", "110***********002X"),
    ("document", "110101900307002", "110********7002"),
    ("document", "E12345678", "E*******8"),
    ("document", "12345", "1***5"),
    ("document", "1234", "****"),
    ("phone", "13812341234", "138****1234"),
    ("phone", "010-66554433", "010*****4433"),
    ("phone", "66554433", "****4433"),
    ("phone", "110", "***"),
    ("address", "示范省示范市坤舆县人民路12号院3单元501", "示范省示范市坤舆县人民路****"),
    ("address", "坤舆县城关街道建设大街5号", "坤舆县城关街道建设大街****"),
    ("address", "坤舆县河湾镇柳树村五组12号", "坤舆县河湾镇柳树村****"),
    ("address", "坤舆县312国道旁17号", "坤舆县****"),
    ("address", "12号院人民路", "**号院人民路"),
    ("address", "坤舆县人民路", "坤舆县人民路"),
    ("address", "No. 5, Long Road", "****"),
]


@pytest.mark.parametrize(("kind", "text", "wanted"), FORMS)
def test_forms(kind: str, text: str, wanted: str) -> None:
    assert mask(kind, text) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_nothing(kind: str) -> None:
    assert mask(kind, None) is None
    assert mask(kind, "") == ""


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="手纹"):
        mask("手纹", "x")
    with pytest.raises(UsageError):
        mask_sql("手纹", "x")


# letters with a meaning to the masks come up often; the rest is any text PostgreSQL can hold
_TELLING = "路街大道巷弄胡同村社区镇乡县市铁口南北桥0123456789０９*%_\\'\"张𠮷𪚥\U000e0100 \t\n"
_LETTERS = st.one_of(st.sampled_from(_TELLING), st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
_TEXTS = st.one_of(st.none(), st.text(_LETTERS, max_size=40), st.text("0123456789X-", max_size=20))


class SameInBothLanguages(TestCase):
    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(KINDS), st.lists(_TEXTS, min_size=1, max_size=12))
    def test_python_and_sql_agree(self, kind: str, texts: list[str | None]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {mask_sql(kind, 'given.word')} FROM unnest(%s::varchar[]) WITH ORDINALITY "
                "AS given(word, n) ORDER BY n",
                [texts],
            )
            from_sql = [row[0] for row in cursor.fetchall()]
        assert from_sql == [mask(kind, text) for text in texts]

    @settings(max_examples=200, deadline=None)
    @given(st.text("0123456789X", min_size=1, max_size=20))
    def test_a_number_is_never_shown_whole(self, text: str) -> None:
        for kind in ("document", "phone"):
            masked = mask(kind, text)
            assert masked != text and len(masked) == len(text)
            assert masked.count("*") >= (len(text) + 2) // 3


@pytest.mark.django_db
def test_sql_uses_immutable_functions_only() -> None:
    """An index or a partition's expression may hold the mask, and no planner surprise comes of it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE person (word varchar(60))")
        for number, kind in enumerate(KINDS):
            cursor.execute(f"CREATE INDEX person_{number} ON person (({mask_sql(kind, 'word')}))")
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'person'")
        assert cursor.fetchone() == (len(KINDS),)

"""Numbers follow one another without a gap, also when several draw at once and some roll back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection, transaction

from kunyu.engines.documents.errors import BadNumberScheme, NumbersUsedUp
from kunyu.engines.documents.models import NumberSequence
from kunyu.engines.documents.numbering import next_number, read_scheme
from kunyu.kernel.errors import Defect

DAY = date(2026, 11, 23)
SCHEME = "用字第{division}{year}XS{sequence:07d}号"


@pytest.mark.django_db
def test_a_scheme_is_counted_by_division_and_year() -> None:
    """registers.md §7: 用字第 + division 6 + year 4 + XS + 7 digits 号."""
    assert next_number(SCHEME, division="990101001", day=DAY) == "用字第9901012026XS0000001号"
    assert next_number(SCHEME, division="990101", day=DAY) == "用字第9901012026XS0000002号"
    assert next_number(SCHEME, division="990102", day=DAY) == "用字第9901022026XS0000001号"
    assert next_number(SCHEME, division="990101", day=date(2027, 1, 4)) == "用字第9901012027XS0000001号"
    assert next_number("农转用〔{year}〕{sequence}号", division="990101", day=DAY) == "农转用〔2026〕1号"


@pytest.mark.django_db
def test_a_rollback_gives_the_number_back() -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), transaction.atomic():
        assert next_number(SCHEME, division="990101", day=DAY).endswith("0000001号")
        raise Stop
    assert next_number(SCHEME, division="990101", day=DAY).endswith("0000001号")


@pytest.mark.django_db(transaction=True)
def test_nobody_draws_twice_and_none_is_left_out() -> None:
    """Eight threads draw 64 numbers, every fourth rolls back: what stands is 1 to 48."""

    def draw(number: int) -> str:
        try:
            with transaction.atomic():
                drawn = next_number(SCHEME, division="990101", day=DAY)
                if number % 4 == 0:
                    raise KeyError
                return drawn
        except KeyError:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        drawn = sorted(filter(None, pool.map(draw, range(64))))
    assert drawn == [f"用字第9901012026XS{number:07d}号" for number in range(1, 49)]


@pytest.mark.django_db
def test_digits_that_are_used_up_are_told() -> None:
    NumberSequence.objects.create(scope="甲2026#", last=9)
    with pytest.raises(NumbersUsedUp) as told:
        next_number("甲{year}{sequence:01d}", division="990101", day=DAY)
    assert told.value.detail_zh == "编号规则 甲{year}{sequence:01d} 的1位流水号在 甲2026# 内已用完，请调整规则。"


def test_outside_a_transaction_nothing_is_drawn(transactional_db: None) -> None:
    with pytest.raises(Defect):
        next_number(SCHEME, division="990101", day=DAY)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("第号", "须恰有一个 {sequence}"),
        ("{sequence}{sequence}", "须恰有一个 {sequence}"),
        ("{year.real}{sequence}", "没有字段 year.real"),
        ("{0}{sequence}", "没有字段 0"),
        ("{secret}{sequence}", "没有字段 secret"),
        ("{sequence:>9}", "只有流水号可写宽度"),
        ("{year:04d}{sequence}", "只有流水号可写宽度"),
        ("{sequence!r}", "只有流水号可写宽度"),
        ("{sequence", "花括号不成对"),
        ("甲" * 60 + "{sequence}", "长度须为1至60字"),
    ],
)
def test_a_scheme_names_only_what_it_may(text: str, why: str) -> None:
    with pytest.raises(BadNumberScheme) as told:
        read_scheme(text)
    assert why in told.value.detail_zh

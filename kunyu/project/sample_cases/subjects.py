"""Who asks for what in samples: names that ring true and say 样例, codes that check and belong to nobody. 样例申请人与项目.

Credit codes lie in the fictional division 990101; citizen ids in 119999, which no county bears.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from kunyu.kernel.identifiers import citizen_check, credit_code_check, organisation_check
from kunyu.project.sample_cases.chance import chance

SAMPLE = "（样例）"
COUNTY = "坤舆县"
_NUMERALS = "一二三四五六七八九"
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN = ("建国", "秀英", "志强", "桂兰", "海涛", "玉梅", "永刚", "雪芹", "文博", "春燕")
_TOWNS = ("城关镇", "北山乡", "柳河镇", "东岗镇", "石桥乡")


@dataclass(frozen=True)
class Project:
    """A kind of project for a planned use: who asks, what for, how large, the kind on forms, the industry in its code."""

    holder: str
    name: str
    scale: str
    kind: str = "urban"
    industry: str = "47"
    is_firm: bool = False


_PROJECTS: dict[str, tuple[Project, ...]] = {
    "07": (Project("城建开发有限公司", "{town}安置房{n}期", "住宅 {k} 栋，建筑面积 {area} 平方米", is_firm=True),
           Project("住房和城乡建设局", "{town}保障性租赁住房", "住宅 {k} 栋，建筑面积 {area} 平方米")),
    "08": (Project("第{n}中学", "第{n}中学迁建工程", "{classes} 个班，建筑面积 {area} 平方米", industry="83"),
           Project("第{n}小学", "第{n}小学扩建工程", "{classes} 个班，建筑面积 {area} 平方米", industry="83"),
           Project("人民医院", "人民医院{town}院区", "床位 {beds} 张，建筑面积 {area} 平方米", industry="84")),
    "09": (Project("商贸服务有限公司", "{town}农贸市场改造", "摊位 {beds} 个，建筑面积 {area} 平方米", industry="52", is_firm=True),),
    "10": (Project("精密机械有限公司", "年产 {k} 万套轴承技改项目", "厂房 {k} 座，建筑面积 {area} 平方米", "industry", "34",
                   is_firm=True),),
    "11": (Project("冷链物流有限公司", "{town}农产品冷链物流园", "冷库 {k} 座，建筑面积 {area} 平方米", "industry", "59",
                   is_firm=True),),
    "12": (Project("交通运输局", "县道 X0{k}1 {town}段改建工程", "路基宽 {k} 米，长 {n} 公里", "transport", "48"),),
    "13": (Project("水务局", "{town}供水厂扩建工程", "日供水 {k} 万吨", "water", "46"),
           Project("供电公司", "{town} 110 千伏变电站", "主变 {k} 台", "energy", "44", is_firm=True)),
    "14": (Project("园林管理所", "{town}滨河公园", "绿地 {area} 平方米", industry="78"),),
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """Applicant and project of one sample."""

    kind: str
    name: str
    code: str
    contact: str
    phone: str
    location: str
    project_kind: str
    project_name: str
    project_code: str
    scale: str

    @property
    def applicant(self) -> dict[str, str]:
        """As ``services.save`` takes it."""
        return {"kind": self.kind, "name": self.name, "code": self.code}


def project_subject(number: int, seed: int, planned_use: str, year: int) -> Subject:
    """An organisation with a project that fits a planned use."""
    rng = chance(seed, number, "subject")
    project = rng.choice(_PROJECTS.get(planned_use[:2], _PROJECTS["08"]))
    words = {"town": rng.choice(_TOWNS), "n": rng.choice(_NUMERALS), "k": rng.randint(2, 9), "classes": rng.randint(2, 8) * 6,
             "beds": rng.randint(6, 40) * 10, "area": rng.randint(20, 300) * 100}  # fmt: skip
    project_code = f"{year}-990101-{project.industry}-01-{(seed * 1_000 + number) % 1_000_000:06d}"
    return Subject(
        "organisation", f"{COUNTY}{project.holder.format(**words)}{SAMPLE}", _credit_code(rng, is_firm=project.is_firm),
        _person(rng), _phone(rng), f"{COUNTY}{words['town']}", project.kind,
        f"{COUNTY}{project.name.format(**words)}{SAMPLE}", project_code, project.scale.format(**words),
    )  # fmt: skip


def villager(number: int, seed: int) -> Subject:
    """A villager who builds a house."""
    rng = chance(seed, number, "subject")
    name, town = _person(rng), rng.choice(_TOWNS)
    return Subject(
        "person", f"{name}{SAMPLE}", _citizen_id(rng), name, _phone(rng), f"{COUNTY}{town}{rng.choice('东西南北')}沟村",
        "rural", "", "", f"{rng.randint(1, 3)} 层住宅",
    )  # fmt: skip


def _person(rng: random.Random) -> str:
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN)


def _phone(rng: random.Random) -> str:
    """Of 199 0000: a block that stands for samples here, too short a range to hit anybody by chance twice."""
    return f"1990000{rng.randint(0, 9999):04d}"


def _credit_code(rng: random.Random, *, is_firm: bool) -> str:
    organisation = f"{rng.randint(0, 99_999_999):08d}"
    first = f"{'91' if is_firm else '12'}990101{organisation}{organisation_check(organisation)}"
    return first + credit_code_check(first)


def _citizen_id(rng: random.Random) -> str:
    born = date.fromordinal(date(1960, 1, 1).toordinal() + rng.randint(0, 12_000))
    first = f"119999{born:%Y%m%d}{rng.randint(1, 999):03d}"
    return first + citizen_check(first)

"""Chinese names of townships and villages that exist nowhere. 虚构地名."""

from __future__ import annotations

from kunyu.project.sample_county.randomness import stream

_FIRST = "云青白玉清龙凤松柳石金银秀安平永和福长高文武明德仁义兴旺东西南北上下大新古双三百千万"
_SECOND = "山水河溪泉林岭坡沟湾桥塘湖井岗台沙田原川峰谷洲潭崖渡关亭阁庙"
_FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
_PLACE = (
    "庄",
    "村",
    "屯",
    "寨",
    "营",
    "堡",
    "集",
    "店",
    "楼",
    "湾",
    "岗",
    "洼",
    "坡",
    "桥",
    "沟",
    "家庄",
    "家湾",
    "家岗",
    "家桥",
    "家楼",
)


def township_names(count: int, seed: int) -> tuple[str, ...]:
    """Return distinct township names; the first is 城关镇, the seat of the county."""
    pairs = [a + b for a in _FIRST for b in _SECOND]
    order = stream(seed, 21).permutation(len(pairs))[: max(0, count - 1)]
    return ("城关镇", *(pairs[k] + ("镇" if i % 3 else "乡") for i, k in enumerate(order.tolist())))[:count]


def village_names(count: int, town: int, seed: int) -> tuple[str, ...]:
    """Return distinct village names; the county town is 城关社区居委会."""
    stems = [
        prefix + family + place for prefix in ("", *"东西南北前后上下大小") for family in _FAMILY for place in _PLACE
    ]
    order = stream(seed, 22).permutation(len(stems))[:count].tolist()
    names = [(stems[k] if stems[k].endswith("村") else stems[k] + "村") + "民委员会" for k in order]
    names[town] = "城关社区居民委员会"
    return tuple(names)

"""A small VCT 3.0 file written by hand, in the form of GB/T 17798-2007, to be varied by the tests."""

from __future__ import annotations

from pathlib import Path

import shapely

HEAD = """HeadBegin
Datamark:LANDUSE-VCT
Version:3.0
CoordinateSystemType:P
Dim:2
XAxisDirection:E
YAxisDirection:N
XYUnit:M
ZUnit:M
Spheroid:CGCS2000,6378137.0,298.257222101
PrimeMeridian:Greenwich
Projection:高斯-克吕格投影
Parameters:114,1,38500000,0,3,38
VerticalDatum:1985国家高程基准
TemporalReferenceSystem:北京时间
ExtentMin:38500000.0000,3800000.0000
ExtentMax:38500200.0000,3800100.0000
MapScale:2000
Offset:0,0
Date:20241231
Separator:,
HeadEnd
"""
CODES = """FeatureCodeBegin
2001010100,地类图斑,Polygon,DLTB
1000600200,行政区界线,Line,XZQJX
1000110100,测量控制点,Point,CLKZD
2001010200,地类图斑注记,Annotation,ZJ
FeatureCodeEnd
"""
TABLES = """TableStructureBegin
DLTB,3
BSM,Char,18
DLMC,Char,60
TBMJ,Float,15,2
0
XZQJX,1
JXLX,Char,6
0
CLKZD,1
KZDMC,Char,50
0
ZJ,4
BSM,Char,18
YSDM,Char,10
ZJNR,Char,60
ZJFX,Float,10
0
TKXSB,2,NoneGeometry
DM,Char,2
XS,Float,6,4
0
TableStructureEnd
"""
POINTS = """PointBegin
20
1000110100
Unknown
1
1
38500050.0000,3800050.0000
0
PointEnd
"""
LINES = """LineBegin
11
1099000000
Unknown
1
1
11
4
38500100.0000,3800000.0000
38500000.0000,3800000.0000
38500000.0000,3800100.0000
38500100.0000,3800100.0000
0
12
1099000000
Unknown
1
1
11
2
38500100.0000,3800000.0000
38500100.0000,3800100.0000
0
13
1099000000
Unknown
1
1
11
4
38500100.0000,3800000.0000
38500200.0000,3800000.0000
38500200.0000,3800100.0000
38500100.0000,3800100.0000
0
14
1099000000
Unknown
1
1
11
5
38500020.0000,3800020.0000
38500040.0000,3800020.0000
38500040.0000,3800040.0000
38500020.0000,3800040.0000
38500020.0000,3800020.0000
0
15
1000600200
Unknown
1
1
11
2
38500000.0000,3800000.0000
38500200.1234,3800000.5678
0
LineEnd
"""
POLYGONS = """PolygonBegin
1
2001010100
Unknown
100
38500060.0000,3800060.0000
21
4
12,-11,0,-14
0
2
2001010100
Unknown
100
38500150.0000,3800050.0000
21
2
13,-12
0
PolygonEnd
"""
ANNOTATIONS = """AnnotationBegin
990101000000000031
2001010200
Unknown
1
水田
38500030.0000,3800030.0000,45
0
AnnotationEnd
"""
ROWS = """AttributeBegin
DLTB
1,990101211000000001,水浇地,9600.00
2,990101211000000002,水田,10000.00
TableEnd
XZQJX
15,620200
TableEnd
CLKZD
20,坤舆山
TableEnd
TKXSB
50,01,0.0425
TableEnd
AttributeEnd
"""
WHOLE = "\n".join([HEAD, CODES, TABLES, POINTS, LINES, POLYGONS, ANNOTATIONS, ROWS, "StyleBegin\nStyleEnd\n"])

X, Y = 38500000.0, 3800000.0
FIRST = shapely.Polygon(
    [(X, Y), (X + 100, Y), (X + 100, Y + 100), (X, Y + 100)],
    [[(X + 20, Y + 20), (X + 40, Y + 20), (X + 40, Y + 40), (X + 20, Y + 40)]],
)
SECOND = shapely.box(X + 100, Y, X + 200, Y + 100)


def save(path: Path, text: str = WHOLE, encoding: str = "gbk", end: str = "\r\n") -> Path:
    """Write a text as a VCT file."""
    path.write_bytes(text.replace("\n", end).encode(encoding))
    return path

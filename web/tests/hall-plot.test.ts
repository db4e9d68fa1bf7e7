import { expect, test } from 'vitest';
import { MOST_CORNERS, cornerText, cornersOf, geometryFrom, hintOf, marksOf, overlapsOf, readBox, sentOf, type Places } from '../src/hall/plot-model';
import { waitingText } from '../src/hall/checking';
import { drawingOf } from '../src/tools/sketch-control';
import { add, begin, finish, type Sketch } from '../src/tools/sketch';

const open = [[113, 34.5], [113.01, 34.5], [113.01, 34.51]].reduce((sketch, at) => add(sketch, at), begin('area'));
const SQUARE: GeoJSON.Polygon = { type: 'Polygon', coordinates: [[[113, 34.5], [113.01, 34.5], [113.01, 34.51], [113, 34.5]]] };

test('nothing is sent before the outline is finished; then its ring, closed, to a tenth of a millimetre', () => {
  expect(sentOf(open)).toBe('');
  expect(JSON.parse(sentOf(finish(open)))).toEqual(SQUARE);
  expect(sentOf(finish(add(open, [113.00000000012345, 34.51])))).toContain('113,34.51]');
});

test('a field is read back only as an area', () => {
  expect(geometryFrom(sentOf(finish(open)))).toEqual(SQUARE);
  for (const text of ['', '{', '{"type":"Point","coordinates":[1,2]}', 'null', '3']) expect(geometryFrom(text), text).toBeNull();
});

test('the sentence follows the drawing', () => {
  expect(hintOf(begin('area'))).toContain('点出第一个角点');
  expect(hintOf(add(begin('area'), [113, 34.5]))).toBe('已有 1 个角点，继续点下一个（至少三个）。');
  expect(hintOf(open)).toBe('已有 3 个角点。继续点，或点“画好了”。');
  expect(hintOf(finish(open))).toContain('保存这个范围');
});

test('no area is written on the map: the server alone says it', () => {
  const roles = (withTotal?: boolean): unknown[] => drawingOf(finish(open), null, false, withTotal).features.map((one) => one.properties?.['role']);
  expect(roles(false)).not.toContain('total');
  expect(roles()).toContain('total');
});

test('corners bear the same name in the list and on the map; too many bear none', () => {
  const holed: Sketch = { ...finish(open), rings: [...open.rings, [[113.002, 34.501], [113.003, 34.501], [113.003, 34.502]]] };
  expect(cornersOf(holed).map((one) => one.name)).toEqual(['1', '2', '3', '洞1-1', '洞1-2', '洞1-3']);
  const marks = marksOf(holed, [113.005, 34.505]);
  expect(marks.features.map((one) => one.properties?.['label'])).toEqual(['1', '2', '3', '洞1-1', '洞1-2', '洞1-3', '问题在这里']);
  const many = Array.from({ length: MOST_CORNERS + 1 }, (_, index) => [113 + index / 1e4, 34.5]);
  expect(cornersOf({ kind: 'area', finished: true, rings: [many] })).toEqual([]);
  expect(cornerText([113.01, 34.5])).toBe('113.0100000, 34.5000000');
});

test('overlaps are drawn without the plot, one of them chosen', () => {
  const feature = (fingerprint: string, tone: 'plot' | 'conflict'): Places['features'][number] => ({ type: 'Feature', geometry: SQUARE, properties: { fingerprint, tone, name_zh: '', name_en: '' } });
  const drawn = overlapsOf({ type: 'FeatureCollection', features: [feature('plot', 'plot'), feature('conflict-C-03', 'conflict'), feature('conflict-C-04', 'conflict')] }, 'conflict-C-04');
  expect(drawn.features.map((one) => [one.properties?.['fingerprint'], one.properties?.['chosen']])).toEqual([['conflict-C-03', false], ['conflict-C-04', true]]);
});

test('a box of an attribute', () => {
  expect(readBox('113,34.5,113.04,34.54')).toEqual([113, 34.5, 113.04, 34.54]);
  for (const text of [undefined, '', '1,2,3', '1,2,3,x']) expect(readBox(text)).toBeNull();
});

test('a long look says how long and that one may go on', () => {
  expect(waitingText(0)).toBe('正在核验…');
  expect(waitingText(3)).toBe('正在核验…已用 3 秒');
  expect(waitingText(20)).toContain('可以先填别的');
});

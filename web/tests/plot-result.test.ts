import { describe, expect, it } from 'vitest';
import type { HistoryChange, OverlapLayer } from '../src/tools/api';
import { ranked, reportText, sharesOf, stepsOf, summaryOf, verdictOf } from '../src/tools/plot-result';
import { areaFigures, lengthText, shareText } from '../src/tools/figures';
import { drawingOf } from '../src/tools/sketch-control';
import { add, begin, finish } from '../src/tools/sketch';

const layer = (collection: string, state: OverlapLayer['state'], area: number | null = null): OverlapLayer => ({
  collection, state, name_zh: collection, name_en: collection, reason_zh: state === 'not_checked' ? '没有已发布的图层' : null, reason_en: null,
  versions: [], area_m2: area, count: area === null ? null : 1, classes: [], overlaps: [], truncated: false,
});

describe('verdicts', () => {
  it.each([
    ['20201-001', 'conflict', 'conflict'],
    ['10502-001', 'conflict', 'conflict'],
    ['20203-001', 'conflict', 'inside'],
    ['20302-001', 'conflict', 'touched'],
    ['20201-001', 'clear', 'clear'],
    ['20203-001', 'not_checked', 'not_checked'],
  ] as const)('%s %s is %s', (collection, state, verdict) => {
    expect(verdictOf({ collection, state })).toBe(verdict);
  });

  it('puts conflicts first and what was not checked before what is clear', () => {
    const layers = [layer('20201-001', 'clear', 0), layer('10502-002', 'not_checked'), layer('20203-001', 'conflict', 9), layer('10502-001', 'conflict', 5)];
    expect(ranked(layers).map((one) => one.collection)).toEqual(['10502-001', '10502-002', '20203-001', '20201-001']);
  });

  it('never says clear while something was not checked', () => {
    expect(summaryOf([layer('20201-001', 'clear', 0), layer('10502-001', 'not_checked')]).verdict).toBe('not_checked');
    expect(summaryOf([layer('20201-001', 'clear', 0), layer('20203-001', 'conflict', 3)]).verdict).toBe('clear');
    expect(summaryOf([layer('20201-001', 'conflict', 1), layer('10502-001', 'not_checked')]).text).toBe('与 1 个控制线图层冲突，另有 1 项未检测');
  });
});

describe('figures', () => {
  it('keep every unit', () => {
    expect(areaFigures(10_000)).toEqual({ m2: '10,000.00', hectares: '1.0000', mu: '15.000' });
    expect(lengthText(999.994)).toBe('999.99 m');
    expect(lengthText(1000)).toBe('1.000 km');
    expect(shareText(0.0001)).toBe('< 0.1 %');
    expect(shareText(0)).toBe('0.0 %');
  });

  it('tell classes by size and changes by what they moved', () => {
    const classes = [{ code: 'a', name_zh: 'a', area_m2: 1, count: 1 }, { code: 'b', name_zh: 'b', area_m2: 3, count: 1 }];
    expect(sharesOf(classes, 4).map((one) => [one.code, one.part])).toEqual([['b', 0.75], ['a', 0.25]]);
    const change = { before: [{ code: 'a', name_zh: '旱地', area_m2: 5 }, { code: 'c', name_zh: '园', area_m2: 2 }], after: [{ code: 'a', name_zh: '旱地', area_m2: 4 }, { code: 'c', name_zh: '园', area_m2: 2 }, { code: 'b', name_zh: '路', area_m2: 1.5 }] } as unknown as HistoryChange;
    expect(stepsOf(change).map((one) => [one.code, one.before, one.after])).toEqual([['b', 0, 1.5], ['a', 5, 4]]);
  });

  it('are copied with their reasons', () => {
    const overlaps = { digest: 'd', geometry_area_m2: 1, valid_at: '2026-01-01', known_at: '2026-01-02T00:00:00Z', job: null, result: 1, layers: [layer('10502-002', 'not_checked')] };
    expect(reportText({ areaM2: 15, classes: null, overlaps, history: null, nameOf: (one) => one })).toContain('10502-002\t未检测\t—\t—\t没有已发布的图层');
  });
});

it('a sketch is drawn with its edge closed only when finished', () => {
  const open = [[0, 0], [0, 1], [1, 1]].reduce((sketch, point) => add(sketch, point), begin('area'));
  const edgeOf = (drawing: GeoJSON.FeatureCollection): number => (drawing.features.find((one) => one.properties?.['role'] === 'edge')!.geometry as GeoJSON.LineString).coordinates.length;
  expect(edgeOf(drawingOf(open, null, true))).toBe(3);
  expect(edgeOf(drawingOf(finish(open), null, true))).toBe(4);
  expect(drawingOf(open, [2, 2], true).features.some((one) => one.properties?.['role'] === 'rubber')).toBe(true);
});

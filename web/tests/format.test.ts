import { expect, it } from 'vitest';
import { area, instant, lonLat } from '../src/format';

it('shows hectares with mu beside, and square metres for slivers', () => {
  expect(area(10_000)).toBe('1.00 公顷（15.0 亩）');
  expect(area(1_234_567.8)).toBe('123.46 公顷（1,851.9 亩）');
  expect(area(3.146)).toBe('3.15 m²');
});

it('names the hemisphere', () => {
  expect(lonLat(-70.5, -33.25)).toBe('70.500000°W 33.250000°S');
});

it('says an instant in the time of the node, wherever the browser stands', () => {
  expect(instant('2026-11-24T03:02:50Z')).toBe('2026-11-24 11:02:50');
  expect(instant('2026-11-24T23:00:00.5+00:00')).toBe('2026-11-25 07:00:00');
  expect(instant('so far')).toBe('so far');
});

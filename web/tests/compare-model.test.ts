import { describe, expect, it, vi } from 'vitest';
import { Echo, draggedTo, keyTo, within } from '../src/compare-model';

describe('divider', () => {
  it('stays on the map', () => {
    expect(within(-20)).toBe(5);
    expect(within(200)).toBe(95);
    expect(draggedTo(460, 100, 720)).toBe(50);
    expect(draggedTo(0, 100, 720)).toBe(5);
    expect(draggedTo(10, 0, 0)).toBe(50);
  });

  it('moves by keys as a slider does', () => {
    expect(keyTo('ArrowRight', 50)).toBe(52);
    expect(keyTo('ArrowLeft', 6)).toBe(5);
    expect(keyTo('PageUp', 90)).toBe(95);
    expect(keyTo('Home', 50)).toBe(5);
    expect(keyTo('a', 50)).toBeNull();
  });
});

it('two cameras follow each other without echo', () => {
  const echo = new Echo();
  const right = vi.fn();
  const left = vi.fn(() => echo.run(right));
  echo.run(left);
  expect(left).toHaveBeenCalledTimes(1);
  expect(right).not.toHaveBeenCalled();
  echo.run(right);
  expect(right).toHaveBeenCalledTimes(1);
  expect(() => echo.run(() => { throw new Error('broken'); })).toThrow();
  echo.run(right);
  expect(right).toHaveBeenCalledTimes(2);
});

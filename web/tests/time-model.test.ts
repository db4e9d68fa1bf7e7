import { describe, expect, it } from 'vitest';
import { dayOf, daysOf, instantsOf, labelled, nextStop, readDay, stopOf } from '../src/time-model';

const DAYS = ['2023-12-31', '2024-12-31', '2025-12-31'];

describe('days', () => {
  it('are those of all layers, oldest first, each once', () => {
    expect(daysOf([['2024-12-31', '2025-12-31'], ['2023-12-31', '2024-12-31']])).toEqual(DAYS);
  });

  it('are read as people type them, and only days of the calendar', () => {
    expect(readDay('2024-2-9')).toBe('2024-02-09');
    expect(readDay('2024年12月31日')).toBe('2024-12-31');
    expect(readDay('2024/02/29')).toBe('2024-02-29');
    expect(readDay('2023-02-29')).toBeNull();
    expect(readDay('31.12.2024')).toBeNull();
    expect(readDay('')).toBeNull();
  });
});

describe('stops', () => {
  it('show the state in force on a day; the last one is today', () => {
    expect(stopOf(DAYS, '')).toBe(3);
    expect(stopOf(DAYS, '2024-12-31')).toBe(1);
    expect(stopOf(DAYS, '2025-06-30')).toBe(1);
    expect(stopOf(DAYS, '1999-01-01')).toBe(0);
    expect(dayOf(DAYS, 1)).toBe('2024-12-31');
    expect(dayOf(DAYS, 3)).toBe('');
  });

  it('play on to today and then from the beginning', () => {
    expect(nextStop(DAYS, '2025-12-31')).toBe(3);
    expect(nextStop(DAYS, '')).toBe(0);
  });

  it('bear no more labels than there is room for, the first and the last among them', () => {
    expect([...labelled(3, 7)]).toEqual([0, 1, 2]);
    expect([...labelled(21, 5)]).toEqual([0, 5, 10, 15, 20]);
  });
});

it('instants of publishing come newest first', () => {
  expect(instantsOf([['2026-01-01T00:00:00Z', '2026-03-01T00:00:00Z'], ['2026-02-01T08:00:00+08:00']], 2)).toEqual([
    '2026-03-01T00:00:00Z', '2026-02-01T08:00:00+08:00',
  ]);
});

import { describe, expect, it } from 'vitest';
import { badgeOf, shareOf, summaryOf, type Changes } from '../src/bell';

const changes = (more: Partial<Changes>): Changes => ({
  unread: 0,
  latest: 0,
  newest: [],
  new: [],
  tasks: { mine: 0, overdue: 0, claimable: 0 },
  incidents: 0,
  progress: [],
  ...more,
});

describe('the bell', () => {
  it('shows numbers that fit', () => {
    expect([0, 1, 99, 100].map(badgeOf)).toEqual(['', '1', '99', '99+']);
  });

  it('says in words what it counts, overdue only where there is any', () => {
    expect(summaryOf(changes({ unread: 3, tasks: { mine: 2, overdue: 0, claimable: 5 } }))).toBe(
      '通知：3 条未读；待办 2 项；可领取 5 项',
    );
    expect(summaryOf(changes({ tasks: { mine: 2, overdue: 1, claimable: 0 } }))).toContain('其中超期 1 项');
  });

  it('knows how far a job is, and when nobody knows', () => {
    expect(shareOf({ done: 1, total: 4 })).toBe(0.25);
    expect(shareOf({ done: 9, total: 4 })).toBe(1);
    expect(shareOf({ done: 3, total: 0 })).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { badgeOf, shareOf, summaryOf, wordsOf, type Changes, type Job } from '../src/bell';

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

  it('says that a job was interrupted and begun again, while it runs and when it is done', () => {
    const note = '处理进程曾中断，已自动重新开始（第 2 次）';
    const job: Job = {
      key: 'analysis:1', title_zh: '冲突检测', title_en: '', href: '', phase_zh: '叠置', phase_en: '', done: 1, total: 4,
      outcome: 'running', message_zh: note, message_en: '', attempts: 2, is_stale: false,
    };
    expect(wordsOf(job)).toBe(`叠置 25% · ${note}`);
    expect(wordsOf({ ...job, outcome: 'done' })).toBe(`已完成 · ${note}`);
    expect(wordsOf({ ...job, outcome: 'done', attempts: 1, message_zh: '3 条' })).toBe('已完成');
    expect(wordsOf({ ...job, is_stale: true })).toContain('会自动重新开始');
  });
});

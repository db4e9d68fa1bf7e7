import { describe, expect, it } from 'vitest';
import { both, conditionText, firstUnready, formText, operatorsOf, type Condition, type FilterField } from '../src/tools/cql2';
import { nextSort, sortText, wantsMore, windowOf } from '../src/tools/table-state';

const field = (code: string, type: FilterField['type'], choices: FilterField['choices'] = []): FilterField =>
  ({ code, name: code, type, unit: '', choices });
const CLASS = field('DLBM', 'text', [{ code: '0101', name: '水田' }]);
const AREA = field('TBMJ', 'number');
const YEAR = field('BGND', 'integer');
const DAY = field('GXSJ', 'date');
const OWNER = field('QSDWMC', 'text');
const FIELDS = [CLASS, AREA, YEAR, DAY, OWNER];
const when = (name: string, operator: Condition['operator'], ...values: string[]): Condition => ({ field: name, operator, values });

describe('a condition as CQL2', () => {
  it.each([
    [CLASS, when('DLBM', 'in', '0101', '0102'), "DLBM IN ('0101', '0102')"],
    [AREA, when('TBMJ', '>=', '1,000.5'), 'TBMJ >= 1000.5'],
    [AREA, when('TBMJ', 'between', '1', '2'), 'TBMJ BETWEEN 1 AND 2'],
    [DAY, when('GXSJ', '<', '2025-01-31'), "GXSJ < DATE('2025-01-31')"],
    [OWNER, when('QSDWMC', '=', "O'Neil"), "QSDWMC = 'O''Neil'"],
    [OWNER, when('QSDWMC', 'contains', '50%_'), "QSDWMC LIKE '%50\\%\\_%'"],
    [OWNER, when('QSDWMC', 'starts', '坤舆'), "QSDWMC LIKE '坤舆%'"],
    [OWNER, when('QSDWMC', 'empty'), 'QSDWMC IS NULL'],
  ])('%#', (one, condition, text) => expect(conditionText(condition, one)).toBe(text));

  it.each([
    [AREA, when('TBMJ', '=', 'viel')],
    [AREA, when('TBMJ', '=', '')],
    [YEAR, when('BGND', '=', '2025.5')],
    [DAY, when('GXSJ', '=', '31.01.2025')],
    [AREA, when('TBMJ', 'between', '1')],
    [OWNER, when('QSDWMC', 'contains', ' ')],
  ])('is none while it does not fit %#', (one, condition) => expect(conditionText(condition, one)).toBeNull());

  it('cannot be broken out of', () => {
    expect(conditionText(when('QSDWMC', '=', "x' OR 1=1 --"), OWNER)).toBe("QSDWMC = 'x'' OR 1=1 --'");
    expect(conditionText(when('TBMJ', '>', '1 OR 1=1'), AREA)).toBeNull();
  });
});

describe('a form', () => {
  it('joins what is complete and names the first that is not', () => {
    const form = { join: 'or' as const, conditions: [when('DLBM', '=', '0101'), when('TBMJ', '>', ''), when('TBMJ', '>', '5')] };
    expect(formText(form, FIELDS)).toBe("DLBM = '0101' OR TBMJ > 5");
    expect(firstUnready(form, FIELDS)).toBe(1);
    expect(formText({ join: 'and', conditions: [] }, FIELDS)).toBe('');
  });

  it('offers what means something', () => {
    expect(operatorsOf(AREA)).toContain('between');
    expect(operatorsOf(AREA)).not.toContain('contains');
    expect(operatorsOf(CLASS)[0]).toBe('in');
  });

  it('holds beside another', () => {
    expect(both('a = 1 OR a = 2', 'b = 3')).toBe('(a = 1 OR a = 2) AND (b = 3)');
    expect(both('', 'b = 3')).toBe('b = 3');
  });
});

describe('table', () => {
  it('sorts up, down, not at all; Shift joins', () => {
    let sorts = nextSort([], 'TBMJ', false);
    expect(sortText(sorts)).toBe('+TBMJ');
    sorts = nextSort(sorts, 'TBMJ', false);
    expect(sortText(sorts)).toBe('-TBMJ');
    expect(sortText(nextSort(sorts, 'BSM', true))).toBe('-TBMJ,+BSM');
    expect(sortText(nextSort(sorts, 'BSM', false))).toBe('+BSM');
    expect(nextSort(sorts, 'TBMJ', false)).toEqual([]);
  });

  it('draws what is seen and a little more', () => {
    expect(windowOf(1000, 30, 3000, 300, 5)).toEqual({ first: 95, last: 115, above: 2850, below: 26550 });
    expect(windowOf(4, 30, 0, 300)).toEqual({ first: 0, last: 4, above: 0, below: 0 });
    expect(windowOf(0, 30, 500, 300)).toEqual({ first: 0, last: 0, above: 0, below: 0 });
  });

  it('fetches on before the end is reached', () => {
    expect(wantsMore(100, 30, 0, 300)).toBe(false);
    expect(wantsMore(100, 30, 2500, 300)).toBe(true);
    expect(wantsMore(0, 30, 0, 300)).toBe(true);
  });
});

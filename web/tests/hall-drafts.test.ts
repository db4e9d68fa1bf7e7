import { expect, test } from 'vitest';
import { Drafts, KEPT_DAYS, forgetAll, mayKeepField, mayKeepValue, sameValues, type Shelf } from '../src/hall/draft-model';

/** A store as browsers have it; `room` in characters. */
function shelf(room = Infinity): Shelf & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    get length() { return kept.size; },
    key: (index) => [...kept.keys()][index] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => void kept.delete(key),
    setItem: (key, value) => {
      if (value.length > room) throw new DOMException('full', 'QuotaExceededError');
      kept.set(key, value);
    },
  };
}

const NOON = new Date('2026-11-23T04:00:00Z');

test('what is typed is found again by the same person for the same form only', () => {
  const store = shelf();
  const drafts = new Drafts(store, '7', () => NOON);
  expect(drafts.keep('12/form', 3, { purpose: ['厂房'] })).toBe(true);
  expect(drafts.find('12/form')).toEqual({ version: 1, at: NOON.toISOString(), revision: 3, sent: false, values: { purpose: ['厂房'] } });
  expect(drafts.find('12/project')).toBeNull();
  expect(new Drafts(store, '8').find('12/form')).toBeNull();
  drafts.remove('12/form');
  expect(store.kept.size).toBe(0);
});

test('codes of identity documents never reach the device, by name or by look', () => {
  for (const name of ['applicant.code', 'code', 'applicant_code', 'document', 'id_number', 'password', 'csrfmiddlewaretoken', 'once']) expect(mayKeepField(name, 'text'), name).toBe(false);
  for (const name of ['project.code', 'project_code', 'use_code', 'purpose', 'phone']) expect(mayKeepField(name, 'text'), name).toBe(true);
  expect(mayKeepField('material', 'file')).toBe(false);
  expect(mayKeepField('secret', 'password')).toBe(false);
  expect(mayKeepField('geometry', 'hidden')).toBe(false);
  expect(mayKeepField('geometry', 'hidden', true)).toBe(true);
  for (const value of ['11010519491231002X', '身份证 110105194912310021。', '110105491231002']) expect(mayKeepValue(value), value).toBe(false);
  for (const value of ['3819578.882, 38408158.331', '[34.501234567890123,113.0]', '2026-990101-47-01-000001', '13800000000']) expect(mayKeepValue(value), value).toBe(true);
  const store = shelf();
  new Drafts(store, '7').keep('12/form', 1, { remark: ['张三 11010519491231002X'], purpose: ['厂房'] });
  expect([...store.kept.values()].join()).not.toContain('11010519491231002X');
  expect(new Drafts(store, '7').find('12/form')?.values).toEqual({ purpose: ['厂房'] });
});

test('what was sent goes once the application has moved on, and stays while it has not', () => {
  const store = shelf();
  const drafts = new Drafts(store, '7', () => NOON);
  drafts.keep('12/form', 3, { purpose: ['厂房'] }, true);
  drafts.keep('12/project', 3, { name: ['甲'] });
  drafts.keep('13/form', 3, { purpose: ['仓库'] }, true);
  drafts.tidy('12', 3);
  expect(drafts.find('12/form')).not.toBeNull();
  drafts.tidy('12', 4);
  expect(drafts.find('12/form')).toBeNull();
  expect(drafts.find('12/project')).not.toBeNull();
  expect(drafts.find('13/form')).not.toBeNull();
});

test('another person’s and old drafts go, foreign keys stay', () => {
  const store = shelf();
  store.setItem('theme', 'light');
  new Drafts(store, '8', () => NOON).keep('12/form', 1, { a: ['1'] });
  new Drafts(store, '7', () => new Date(NOON.getTime() - (KEPT_DAYS + 1) * 86_400_000)).keep('9/form', 1, { a: ['1'] });
  new Drafts(store, '7', () => NOON).keep('12/form', 1, { a: ['1'] });
  store.setItem('kunyu.hall.7/broken', '{');
  new Drafts(store, '7', () => NOON).tidy('12', 1);
  expect([...store.kept.keys()].sort()).toEqual(['kunyu.hall.7/12/form', 'theme']);
  forgetAll(store);
  expect([...store.kept.keys()]).toEqual(['theme']);
});

test('a device without room says so', () => {
  expect(new Drafts(shelf(10), '7').keep('12/form', 1, { a: ['1'] })).toBe(false);
});

test('values are the same whatever their order and empty lists', () => {
  expect(sameValues({ a: ['1'], b: [] }, { a: ['1'] })).toBe(true);
  expect(sameValues({ a: ['1'] }, { a: ['2'] })).toBe(false);
  expect(sameValues({ a: ['1', '2'] }, { a: ['1'] })).toBe(false);
});

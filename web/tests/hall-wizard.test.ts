import { describe, expect, it } from 'vitest';
import { isAsked, type Condition } from '../src/hall/conditions';
import { sentenceOf } from '../src/hall/upload';

const conditions = new Map<string, Condition>([
  ['floors', [['use', ['A', 'B']]]],
  ['lifts', [['floors_many', [true]], ['use', ['A']]]],
  ['floors_many', [['use', ['A']]]],
]);
const answers = (given: Record<string, string[]>): Map<string, string[]> => new Map(Object.entries(given));

describe('conditions of fields', () => {
  it('asks a field without a condition', () => expect(isAsked('purpose', conditions, answers({}))).toBe(true));
  it('asks where one of the answers is given', () => {
    expect(isAsked('floors', conditions, answers({ use: ['B'] }))).toBe(true);
    expect(isAsked('floors', conditions, answers({ use: ['C'] }))).toBe(false);
    expect(isAsked('floors', conditions, answers({}))).toBe(false);
  });
  it('takes yes and no as the page writes them, and every condition must hold', () => {
    expect(isAsked('lifts', conditions, answers({ floors_many: ['true'], use: ['A'] }))).toBe(true);
    expect(isAsked('lifts', conditions, answers({ floors_many: ['false'], use: ['A'] }))).toBe(false);
  });
  it('does not ask what hangs on a field that is not asked', () => {
    const chain = new Map<string, Condition>([['b', [['a', [true]]]], ['a', [['use', ['A']]]]]);
    expect(isAsked('b', chain, answers({ a: ['true'], use: ['B'] }))).toBe(false);
  });
  it('ends where conditions hang on one another', () => {
    const round = new Map<string, Condition>([['a', [['b', [true]]]], ['b', [['a', [true]]]]]);
    expect(isAsked('a', round, answers({ a: ['true'], b: ['true'] }))).toBe(false);
  });
});

describe('what is said of a file that was not taken', () => {
  it('is what the node says of its kind', () => {
    expect(sentenceOf(422, '{"refused": {"sheet": "材料 a.pdf 是空文件。"}}', 'sheet')).toBe('材料 a.pdf 是空文件。');
  });
  it('is the detail of a problem document', () => {
    expect(sentenceOf(403, '{"detail_zh": "页面已过期。", "detail_en": "too old"}', 'sheet')).toBe('页面已过期。');
  });
  it('names what broke on the way', () => {
    expect(sentenceOf(0, '', 'sheet')).toBe('网络断了，没有传完。请检查网络后重新选择文件。');
    expect(sentenceOf(413, '<html>', 'sheet')).toBe('文件太大，没有收下。');
    expect(sentenceOf(502, '<html>', 'sheet')).toBe('没有传上去（502），请再试一次。');
  });
});

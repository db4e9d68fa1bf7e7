import { expect, it } from 'vitest';
import { choiceOf, partsOf } from '../src/map/base-layers';

it('an address without a choice shows relief; a choice is kept in it and read again', () => {
  expect(partsOf('')).toEqual(['relief']);
  expect(partsOf('divisions')).toEqual([]);
  for (const parts of [['relief'], [], ['relief', 'hydrography'], ['outside']]) expect(partsOf(choiceOf(parts))).toEqual(parts);
  expect(choiceOf(['relief'])).toBe('');
});

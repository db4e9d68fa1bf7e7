/** The map says that it is busy until every answer has come and it rests. */
import { describe, expect, it, vi } from 'vitest';
import { Waiting } from '../src/map/waiting';

describe('waiting', () => {
  it('rests only after the last answer and the picture that follows', async () => {
    const told: boolean[] = [];
    const draw = vi.fn();
    const waiting = new Waiting((busy) => told.push(busy), draw);
    let [first, second] = [(): void => undefined, (): void => undefined];
    const one = waiting.during(new Promise<void>((done) => (first = done)));
    const two = waiting.during(new Promise<void>((done) => (second = done)));
    waiting.rest();
    first();
    await one;
    expect(draw).not.toHaveBeenCalled();
    waiting.rest();
    expect(told).toEqual([true]);
    second();
    await two;
    expect(draw).toHaveBeenCalledOnce();
    expect(told).toEqual([true]);
    waiting.rest();
    waiting.rest();
    expect(told).toEqual([true, false]);
  });

  it('is over after an answer that failed, and begins again with a movement', async () => {
    const told: boolean[] = [];
    const waiting = new Waiting((busy) => told.push(busy), () => waiting.rest());
    await expect(waiting.during(Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(told).toEqual([true, false]);
    waiting.begin();
    expect(told).toEqual([true, false, true]);
  });
});

import { describe, expect, it } from 'vitest';
import { add, begin, beginHole, canFinish, finish, geometryOf, insertVertex, middles, moveVertex, removeVertex, sketchOf, undo, type Sketch } from '../src/tools/sketch';

const draw = (points: readonly [number, number][], sketch: Sketch = begin('area')): Sketch =>
  points.reduce((grown: Sketch, point) => add(grown, point), sketch);
const SQUARE: [number, number][] = [[0, 0], [0, 4], [4, 4], [4, 0]];

describe('drawing', () => {
  it('counts a double click once and finishes from three points', () => {
    let sketch = draw([[0, 0], [0, 4], [0, 4]]);
    expect(sketch.rings[0]).toHaveLength(2);
    expect(canFinish(sketch)).toBe(false);
    expect(finish(sketch).finished).toBe(false);
    sketch = finish(add(sketch, [4, 4]));
    expect(sketch.finished).toBe(true);
    expect(add(sketch, [9, 9])).toBe(sketch);
  });

  it('goes back: opens what was finished, then point by point', () => {
    const sketch = finish(draw(SQUARE));
    expect(undo(sketch).finished).toBe(false);
    expect(undo(undo(sketch)).rings[0]).toHaveLength(3);
    expect(undo(begin('line')).rings).toEqual([[]]);
  });

  it('winds the outline left and holes right, and closes them', () => {
    const outline = finish(draw(SQUARE)); // drawn clockwise
    const holed = finish(draw([[1, 1], [2, 1], [2, 2]], beginHole(outline)));
    expect(geometryOf(holed)).toEqual({
      type: 'Polygon',
      coordinates: [
        [[4, 0], [4, 4], [0, 4], [0, 0], [4, 0]],
        [[2, 2], [2, 1], [1, 1], [2, 2]],
      ],
    });
  });

  it('gives up a hole that has no point', () => {
    const given = undo(beginHole(finish(draw(SQUARE))));
    expect(given.finished).toBe(true);
    expect(given.rings).toHaveLength(1);
  });

  it('says nothing of what has too few points', () => {
    expect(geometryOf(draw([[0, 0], [1, 1]]))).toBeNull();
    expect(geometryOf(draw([[0, 0]], begin('line')))).toBeNull();
  });
});

describe('vertices', () => {
  const sketch = finish(draw(SQUARE));

  it('move, come between and go', () => {
    expect(moveVertex(sketch, { ring: 0, index: 2 }, [5, 5]).rings[0]![2]).toEqual([5, 5]);
    expect(middles(sketch).map((one) => one.at)).toEqual([[0, 2], [2, 4], [4, 2], [2, 0]]);
    expect(insertVertex(sketch, { ring: 0, index: 3 }, [2, 0]).rings[0]!.at(-1)).toEqual([2, 0]);
    const three = removeVertex(sketch, { ring: 0, index: 0 });
    expect(three.rings[0]).toHaveLength(3);
    expect(removeVertex(three, { ring: 0, index: 0 })).toBe(three);
  });

  it('of a hole: with less than three the hole goes', () => {
    const holed = finish(draw([[1, 1], [2, 1], [2, 2]], beginHole(sketch)));
    expect(removeVertex(holed, { ring: 1, index: 0 }).rings).toHaveLength(1);
  });

  it('come from a polygon that is there', () => {
    const geometry = geometryOf(sketch)!;
    expect(geometryOf(sketchOf(geometry)!)).toEqual(geometry);
    expect(sketchOf({ type: 'Point', coordinates: [0, 0] })).toBeNull();
  });
});

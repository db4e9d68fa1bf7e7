import { describe, expect, it } from 'vitest';
import { edgePath, layersOf, layout, neighbour, type GraphEdge } from '../src/tools/lineage-layout';

const METRICS = { nodeWidth: 100, nodeHeight: 40, gapX: 50, gapY: 10 };
const edge = (text: string): GraphEdge => ({ from: text[0]!, to: text[1]! });
const edges = ['ac', 'bc', 'cd', 'ad'].map(edge);

describe('lineage', () => {
  it('puts everything behind the furthest of its sources', () => {
    expect(Object.fromEntries(layersOf([...'dcba'], edges))).toEqual({ a: 0, b: 0, c: 1, d: 2 });
  });

  it('survives circles, loops and edges to nowhere', () => {
    const layers = layersOf([...'ab'], ['ab', 'ba', 'aa', 'xa', 'ax'].map(edge));
    expect([...layers.keys()].sort()).toEqual(['a', 'b']);
  });

  it('leaves no two nodes on one place and none outside', () => {
    const { nodes, width, height } = layout([...'abcd'], edges, METRICS);
    expect(new Set([...nodes.values()].map(({ x, y }) => `${x}/${y}`)).size).toBe(4);
    expect([width, height]).toEqual([400, 90]);
    for (const { x, y } of nodes.values()) {
      expect(x).toBeLessThanOrEqual(width - 100);
      expect(y).toBeLessThanOrEqual(height - 40);
    }
  });

  it('uncrosses edges that need not cross', () => {
    const { nodes } = layout([...'abxy'], ['ay', 'bx'].map(edge), METRICS);
    const row = (id: string): number => nodes.get(id)!.row;
    expect(Math.sign(row('a') - row('b'))).toBe(Math.sign(row('y') - row('x')));
  });

  it('is walked with arrow keys', () => {
    const drawn = layout([...'abcd'], edges, METRICS);
    expect(neighbour('ArrowLeft', 'd', drawn, edges)).toBe('c');
    expect(neighbour('ArrowRight', 'b', drawn, edges)).toBe('c');
    expect(neighbour('ArrowDown', 'a', drawn, edges)).toBe('b');
    expect(neighbour('ArrowUp', 'a', drawn, edges)).toBeNull();
    expect(edgePath(drawn.nodes.get('c')!, drawn.nodes.get('d')!, METRICS)).toMatch(/^M250 45C/);
  });
});

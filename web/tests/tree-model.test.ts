import { describe, expect, it, vi } from 'vitest';
import type { TreeNode } from '../src/api';
import { TreeModel, inSight, stepOf } from '../src/tree-model';

const node = (id: string, kind: TreeNode['kind'], count = 1, name = id): TreeNode =>
  ({ id, kind, code: id, name_zh: name, name_en: '', count, parent: '', geometry: 'Polygon', path_zh: '', path_en: '' });

const BELOW: Record<string, TreeNode[]> = {
  '': [node('1', 'item', 3, '现状数据'), node('2', 'item', 500, '规划数据')],
  '1': [node('104', 'item', 3)],
  '104': [node('10401-001', 'dataset', 2), node('10401-003', 'layer', 1, '地类图斑')],
  // the first layer of a dataset has the dataset's code
  '10401-001': [node('10401-001', 'layer'), node('10401-001.XZQJX', 'layer')],
};

function model(): { tree: TreeModel; fetch: ReturnType<typeof vi.fn>; changed: ReturnType<typeof vi.fn> } {
  const fetch = vi.fn(async (parent: string) => BELOW[parent] ?? []);
  const changed = vi.fn();
  return { tree: new TreeModel(fetch, changed), fetch, changed };
}

const ids = (tree: TreeModel): string[] => tree.rows.map((row) => `${row.level}:${row.node.id}`);

describe('tree', () => {
  it('fetches a branch when it is opened, once', async () => {
    const { tree, fetch } = model();
    await tree.load('');
    expect(ids(tree)).toEqual(['1:1', '1:2']);
    await tree.open('1');
    tree.close('1');
    await tree.open('1');
    expect(ids(tree)).toEqual(['1:1', '2:104', '1:2']);
    expect(fetch.mock.calls.map(([parent]) => parent)).toEqual(['', '1']);
  });

  it('says that rows are still coming, level after level', async () => {
    const { tree, changed } = model();
    const told: boolean[] = [];
    changed.mockImplementation(() => told.push(tree.isLoading));
    await tree.open('1');
    expect(told).toEqual([false, true, false]);
    await tree.load('104');
    expect(told.slice(3)).toEqual([true, false]);
  });

  it('opens a dataset whose first layer bears its code', async () => {
    const { tree } = model();
    await tree.load('');
    for (const id of ['1', '104', '10401-001']) await tree.open(id);
    expect(ids(tree)).toEqual(['1:1', '2:104', '3:10401-001', '4:10401-001', '4:10401-001.XZQJX', '3:10401-003', '1:2']);
    expect(tree.rows[3]!.isOpen).toBe(false);
  });

  it('opens a small catalogue whole and leaves a large one closed', async () => {
    const small = model();
    BELOW['']!.pop();
    await small.tree.openWhile(60);
    expect(small.tree.rows.length).toBe(6);
    BELOW['']!.push(node('2', 'item', 500, '规划数据'));
    const large = model();
    await large.tree.openWhile(60);
    expect(ids(large.tree)).toEqual(['1:1', '1:2']);
    expect(large.fetch).toHaveBeenCalledTimes(1);
  });

  it('stays closed when the branch does not come', async () => {
    const tree = new TreeModel(async (parent) => {
      if (parent) throw new Error('refused');
      return BELOW['']!;
    }, () => undefined);
    await tree.load('');
    await expect(tree.open('1')).rejects.toThrow('refused');
    expect(tree.rows[0]!.isOpen).toBe(false);
  });

  it('tells position among siblings and answers the same rows until something changes', async () => {
    const { tree, changed } = model();
    await tree.load('');
    expect([tree.rows[1]!.position, tree.rows[1]!.siblings]).toEqual([2, 2]);
    expect(tree.rows).toBe(tree.rows);
    changed.mockClear();
    tree.close('1');
    expect(changed).not.toHaveBeenCalled();
  });
});

describe('keys', () => {
  it('go as the ARIA tree pattern says', async () => {
    const { tree } = model();
    await tree.load('');
    await tree.open('1');
    expect(stepOf('ArrowDown', 0, tree)).toEqual({ to: 1 });
    expect(stepOf('ArrowDown', 2, tree)).toEqual({ to: 2 });
    expect(stepOf('End', 0, tree)).toEqual({ to: 2 });
    expect(stepOf('ArrowRight', 0, tree)).toEqual({ to: 1 });
    expect(stepOf('ArrowRight', 1, tree)).toEqual({ open: '104' });
    expect(stepOf('ArrowLeft', 1, tree)).toEqual({ to: 0 });
    expect(stepOf('ArrowLeft', 0, tree)).toEqual({ close: '1' });
    expect(stepOf('ArrowLeft', 2, tree)).toBeNull();
    expect(stepOf('规', 0, tree)).toEqual({ to: 2 });
    expect(stepOf('Tab', 0, tree)).toBeNull();
  });

  it('act on a layer', async () => {
    const { tree } = model();
    await tree.load('');
    await tree.open('1');
    await tree.open('104');
    expect(stepOf('Enter', 3, tree)).toEqual({ act: BELOW['104']![1] });
    expect(stepOf(' ', 0, tree)).toEqual({ close: '1' });
  });
});

describe('virtual list', () => {
  it('draws what is in sight and a few rows more', () => {
    expect(inSight(0, 340, 34, 10_000)).toEqual({ from: 0, to: 18 });
    expect(inSight(34 * 5000, 340, 34, 10_000)).toEqual({ from: 4992, to: 5018 });
    expect(inSight(1e9, 340, 34, 20)).toEqual({ from: 20, to: 20 });
    expect(inSight(0, 340, 34, 3)).toEqual({ from: 0, to: 3 });
  });
});

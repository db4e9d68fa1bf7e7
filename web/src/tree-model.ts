/** The layer tree as rows: which branches are open, what was fetched, and where the keyboard goes. No page in here. */
import type { TreeNode } from './api';

export interface Row {
  readonly node: TreeNode;
  /** 1 is the root's level, as ARIA counts */
  readonly level: number;
  readonly isOpen: boolean;
  readonly isLoading: boolean;
  /** position among its siblings, from 1, and how many they are */
  readonly position: number;
  readonly siblings: number;
}

type Fetch = (parent: string) => Promise<readonly TreeNode[]>;

export class TreeModel {
  readonly #fetch: Fetch;
  readonly #changed: () => void;
  readonly #below = new Map<string, readonly TreeNode[]>();
  readonly #open = new Set<string>();
  readonly #loading = new Set<string>();
  #rows: readonly Row[] | null = null;

  constructor(fetch: Fetch, changed: () => void) {
    this.#fetch = fetch;
    this.#changed = changed;
  }

  /** Every visible row from top to bottom; the same array until something changes. */
  get rows(): readonly Row[] {
    return (this.#rows ??= this.#collect('', 1));
  }

  get isLoaded(): boolean {
    return this.#below.has('');
  }

  /** Whether rows are still on their way: what is listed may yet grow. */
  get isLoading(): boolean {
    return this.#loading.size > 0;
  }

  #collect(parent: string, level: number): Row[] {
    const nodes = this.#below.get(parent) ?? [];
    return nodes.flatMap((node, index) => {
      // the first layer of a dataset bears the dataset's own code: only a branch opens
      const isBranch = node.kind !== 'layer';
      const isOpen = isBranch && this.#open.has(node.id);
      const row: Row = {
        node, level, isOpen, isLoading: isBranch && this.#loading.has(node.id), position: index + 1, siblings: nodes.length,
      };
      return isOpen ? [row, ...this.#collect(node.id, level + 1)] : [row];
    });
  }

  #tell(): void {
    this.#rows = null;
    this.#changed();
  }

  /** Fetches the rows under a row unless they are there; a second call while they come waits for the first. */
  async load(parent: string): Promise<readonly TreeNode[]> {
    const known = this.#below.get(parent);
    if (known) return known;
    this.#loading.add(parent);
    this.#tell();
    try {
      const nodes = await this.#fetch(parent);
      this.#below.set(parent, nodes);
      return nodes;
    } finally {
      this.#loading.delete(parent);
      this.#tell();
    }
  }

  async open(id: string): Promise<void> {
    if (this.#open.has(id)) return;
    this.#open.add(id);
    this.#tell();
    try {
      await this.load(id);
    } catch (error) {
      this.#open.delete(id);
      this.#tell();
      throw error;
    }
  }

  close(id: string): void {
    if (this.#open.delete(id)) this.#tell();
  }

  toggle(id: string): Promise<void> {
    if (!this.#open.has(id)) return this.open(id);
    this.close(id);
    return Promise.resolve();
  }

  /** Opens level after level while all rows together stay within `most`: a small catalogue is shown whole. */
  async openWhile(most: number, parent = ''): Promise<void> {
    const nodes = (await this.load(parent)).filter((node) => node.kind !== 'layer' && node.count > 0);
    if (!nodes.length || nodes.reduce((sum, node) => sum + node.count, 0) > most) return;
    await Promise.all(nodes.map((node) => this.open(node.id).then(() => this.openWhile(most, node.id))));
  }

  /** Forgets everything fetched and opened. */
  reset(): void {
    this.#below.clear();
    this.#open.clear();
    this.#tell();
  }

  /** Index of the row above the one at `index` in the tree, or -1. */
  parentOf(index: number): number {
    const level = this.rows[index]?.level ?? 0;
    for (let above = index - 1; above >= 0; above--) if (this.rows[above]!.level < level) return above;
    return -1;
  }
}

/** What a key does in a tree, as the ARIA pattern says: to another row, opening, closing, or acting on the row. */
export type Step = { readonly to: number } | { readonly open: string } | { readonly close: string } | { readonly act: TreeNode } | null;

export function stepOf(key: string, index: number, model: Pick<TreeModel, 'rows' | 'parentOf'>, page = 10): Step {
  const { rows } = model;
  const row = rows[index];
  if (!row) return null;
  const last = rows.length - 1;
  const isBranch = row.node.kind !== 'layer';
  switch (key) {
    case 'ArrowDown': return { to: Math.min(last, index + 1) };
    case 'ArrowUp': return { to: Math.max(0, index - 1) };
    case 'PageDown': return { to: Math.min(last, index + page) };
    case 'PageUp': return { to: Math.max(0, index - page) };
    case 'Home': return { to: 0 };
    case 'End': return { to: last };
    case 'ArrowRight':
      if (!isBranch) return null;
      return row.isOpen ? { to: Math.min(last, index + 1) } : { open: row.node.id };
    case 'ArrowLeft': {
      if (isBranch && row.isOpen) return { close: row.node.id };
      const above = model.parentOf(index);
      return above < 0 ? null : { to: above };
    }
    case 'Enter':
    case ' ':
      if (!isBranch) return { act: row.node };
      return row.isOpen ? { close: row.node.id } : { open: row.node.id };
    default:
      return key.length === 1 ? typed(key, index, rows) : null;
  }
}

/** A letter goes to the next row whose name or code begins with it. */
function typed(letter: string, index: number, rows: readonly Row[]): Step {
  const wanted = letter.toLowerCase();
  for (let n = 1; n <= rows.length; n++) {
    const to = (index + n) % rows.length;
    const { name_zh, name_en, code } = rows[to]!.node;
    if ([name_zh, name_en, code].some((text) => text.toLowerCase().startsWith(wanted))) return { to };
  }
  return null;
}

/** Which rows of a list are drawn: those in sight and a few more on either side. */
export function inSight(scrollTop: number, height: number, rowHeight: number, count: number, more = 8): { from: number; to: number } {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - more);
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + more);
  return { from: Math.min(from, to), to };
}

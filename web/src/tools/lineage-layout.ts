/** A layered drawing of a lineage: sources at the left, what was made of them to the right. Pure. */

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

export interface Placed {
  readonly id: string;
  readonly layer: number;
  /** place inside the layer, from the top */
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly nodes: ReadonlyMap<string, Placed>;
  readonly width: number;
  readonly height: number;
}

export interface Metrics {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly gapX: number;
  readonly gapY: number;
}

/**
 * Layer of each node: one more than the furthest of its sources. An edge that closes a circle (data never should) is
 * not followed, so that every graph has a layout.
 */
export function layersOf(ids: readonly string[], edges: readonly GraphEdge[]): ReadonlyMap<string, number> {
  const sources = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of edges) if (sources.has(from) && from !== to) sources.get(to)?.push(from);
  const layer = new Map<string, number>();
  const open = new Set<string>();
  const depth = (id: string): number => {
    const known = layer.get(id);
    if (known !== undefined) return known;
    open.add(id);
    const before = sources.get(id)!.filter((source) => !open.has(source)).map(depth);
    open.delete(id);
    const own = before.length ? Math.max(...before) + 1 : 0;
    layer.set(id, own);
    return own;
  };
  ids.forEach(depth);
  return layer;
}

/** Places every node; four sweeps put nodes beside the middle of their neighbours, so that few edges cross. */
export function layout(ids: readonly string[], edges: readonly GraphEdge[], metrics: Metrics): Layout {
  const layer = layersOf(ids, edges);
  const columns: string[][] = [];
  for (const id of ids) (columns[layer.get(id)!] ??= []).push(id);
  for (let sweep = 0; sweep < 4; sweep++) order(columns, edges, sweep % 2 === 0);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const stepX = metrics.nodeWidth + metrics.gapX;
  const stepY = metrics.nodeHeight + metrics.gapY;
  const nodes = new Map<string, Placed>();
  columns.forEach((column, at) => {
    const top = ((tallest - column.length) * stepY) / 2;
    column.forEach((id, row) => nodes.set(id, { id, layer: at, row, x: at * stepX, y: top + row * stepY }));
  });
  return {
    nodes,
    width: Math.max(0, columns.length * stepX - metrics.gapX),
    height: tallest * stepY - metrics.gapY,
  };
}

function order(columns: string[][], edges: readonly GraphEdge[], forward: boolean): void {
  const row = new Map<string, number>();
  const number = (column: readonly string[]): void => column.forEach((id, at) => row.set(id, at));
  columns.forEach(number);
  const turn = forward ? columns.slice(1) : columns.slice(0, -1).reverse();
  for (const column of turn) {
    const wish = new Map(
      column.map((id) => {
        const near = edges.flatMap(({ from, to }) => {
          const other = forward ? (to === id ? from : null) : from === id ? to : null;
          return other !== null && row.has(other) ? [row.get(other)!] : [];
        });
        return [id, near.length ? near.reduce((sum, one) => sum + one, 0) / near.length : row.get(id)!] as const;
      }),
    );
    column.sort((a, b) => wish.get(a)! - wish.get(b)! || row.get(a)! - row.get(b)!);
    number(column);
  }
}

/** A smooth line from the right side of one node to the left side of another, as an SVG path. */
export function edgePath(from: Placed, to: Placed, { nodeWidth, nodeHeight }: Metrics): string {
  const [x1, y1] = [from.x + nodeWidth, from.y + nodeHeight / 2];
  const [x2, y2] = [to.x, to.y + nodeHeight / 2];
  const bend = Math.max(16, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** The node an arrow key leads to: left and right along edges, up and down inside a layer. */
export function neighbour(key: string, id: string, { nodes }: Layout, edges: readonly GraphEdge[]): string | null {
  const here = nodes.get(id);
  if (!here) return null;
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const near = edges.flatMap(({ from, to }) => (key === 'ArrowLeft' ? (to === id ? [from] : []) : from === id ? [to] : []));
    return near.sort((a, b) => Math.abs(nodes.get(a)!.y - here.y) - Math.abs(nodes.get(b)!.y - here.y))[0] ?? null;
  }
  const step = key === 'ArrowUp' ? -1 : key === 'ArrowDown' ? 1 : 0;
  if (!step) return null;
  return [...nodes.values()].find((one) => one.layer === here.layer && one.row === here.row + step)?.id ?? null;
}

/** What a tool is opened for: the layer of a table or filter, the feature of a lineage. One at a time, per page. */
import { store } from '../store';

export interface Subject {
  readonly collection: string;
  /** id of one feature; null: the whole layer */
  readonly feature: string | null;
  /** what people call it, for a heading */
  readonly title: string;
}

let current: Subject | null = null;
const listeners = new Set<(subject: Subject | null) => void>();

export function subject(): Subject | null {
  return current;
}

export function setSubject(next: Subject | null): void {
  current = next;
  for (const listener of [...listeners]) listener(next);
}

/** Calls `listener` whenever another subject is chosen; the answer ends it. */
export function onSubject(listener: (subject: Subject | null) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens a tool for a layer or one of its features. */
export function openFor(tool: string, collection: string, feature: string | null = null, title = ''): void {
  setSubject({ collection, feature, title });
  store.setTool(tool);
}

/** The layer a tool is about: the chosen one while it is on the map, else that of the selection, else the topmost. */
export function subjectLayer(): string | null {
  const on = store.state.layers.map((layer) => layer.collection);
  if (current && on.includes(current.collection)) return current.collection;
  return store.state.selection?.collection ?? on[0] ?? null;
}

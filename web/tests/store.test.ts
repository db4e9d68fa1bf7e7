import { describe, expect, it, vi } from 'vitest';
import { Store, fromFragment, shownOn, toFragment } from '../src/store';

const names = (store: Store): string[] => store.state.layers.map((layer) => layer.collection);

describe('layers', () => {
  it('puts a layer that is switched on on top and keeps the others', () => {
    const store = new Store();
    store.toggle('10401-003');
    store.toggle('20201-001');
    expect(names(store)).toEqual(['20201-001', '10401-003']);
    store.toggle('20201-001');
    expect(names(store)).toEqual(['10401-003']);
  });

  it('forgets a selection whose layer is switched off', () => {
    const store = new Store();
    store.toggle('10401-003');
    store.select({ collection: '10401-003', fid: 7, lon: 113, lat: 34 });
    store.toggle('10401-003', false);
    expect(store.state.selection).toBeNull();
  });

  it('moves within the ends and says nothing when nothing moves', () => {
    const store = new Store({ layers: ['a', 'b', 'c'].map((collection) => ({ collection, opacity: 1, filter: null })) });
    const heard = vi.fn();
    store.subscribe(heard);
    store.move('a', -1);
    expect(heard).not.toHaveBeenCalled();
    store.move('a', 5);
    expect(names(store)).toEqual(['b', 'c', 'a']);
  });

  it('keeps opacity between 0 and 1', () => {
    const store = new Store({ layers: [{ collection: 'a', opacity: 1, filter: null }] });
    store.setOpacity('a', 3);
    expect(store.state.layers[0]?.opacity).toBe(1);
    store.setOpacity('a', -1);
    expect(store.state.layers[0]?.opacity).toBe(0);
  });
});

describe('date', () => {
  it('tells listeners the state before and after', () => {
    const store = new Store();
    const heard: string[] = [];
    store.subscribe((state, before) => heard.push(`${before.validAt}>${state.validAt}`));
    store.setValidAt('2024-12-31');
    store.setValidAt('2024-12-31');
    expect(heard).toEqual(['>2024-12-31']);
  });

  it('refuses what is not an ISO day', () => {
    expect(() => new Store().setValidAt('31.12.2024')).toThrow(RangeError);
  });
});

describe('link', () => {
  it('survives a round trip', () => {
    const store = new Store({ view: { lon: 113.12346, lat: 34.5, zoom: 12.5 }, validAt: '2025-12-31' });
    store.toggle('10401-003');
    store.toggle('10401-002.CJDCQJX');
    store.setOpacity('10401-003', 0.4);
    expect(fromFragment(`#${toFragment(store.state)}`)).toEqual({
      view: { lon: 113.12346, lat: 34.5, zoom: 12.5 },
      validAt: '2025-12-31',
      layers: [
        { collection: '10401-002.CJDCQJX', opacity: 1, filter: null },
        { collection: '10401-003', opacity: 0.4, filter: null },
      ],
    });
  });

  it('leaves out what is malformed, and tells no layers from none named', () => {
    expect(fromFragment('#map=a/b/c&date=yesterday')).toEqual({});
    expect(fromFragment('#layers=')).toEqual({ layers: [] });
  });
});

describe('comparison', () => {
  it('shows the left map until the right one is told otherwise', () => {
    const store = new Store({ validAt: '2024-12-31' });
    store.toggle('10401-003');
    expect(shownOn(store.state, 'right').layers).toBe(store.state.layers);
    expect(shownOn(store.state, 'right').validAt).toBe('');
    store.setCompare({ mode: 'swipe', rightLayers: [...store.state.layers] });
    store.toggle('20201-001', true, 'right');
    store.setOpacity('20201-001', 0.5, 'right');
    expect(names(store)).toEqual(['10401-003']);
    expect(store.layersOn('right')).toEqual([
      { collection: '20201-001', opacity: 0.5, filter: null },
      { collection: '10401-003', opacity: 1, filter: null },
    ]);
    store.toggle('10401-003', false);
    expect(store.isOn('10401-003', 'right')).toBe(true);
  });

  it('survives the link with its day, layers, filter, instant and base map', () => {
    const store = new Store();
    store.toggle('10401-003');
    store.setFilter('10401-003', "DLBM IN ('0101','0102') AND TBMJ * 2 > 100");
    store.setKnownAt('2026-01-02T03:04:05Z');
    store.setBase('relief');
    store.setTool('compare');
    store.setCompare({ mode: 'side', rightValidAt: '2025-12-31', rightLayers: [{ collection: 'b', opacity: 1, filter: null }] });
    const read = new Store(fromFragment(toFragment(store.state)));
    expect(read.state).toEqual(store.state);
  });

  it('refuses what is neither day nor instant', () => {
    expect(() => new Store().setCompare({ rightValidAt: 'soon' })).toThrow(RangeError);
    expect(() => new Store().setKnownAt('2026-01-02')).toThrow(RangeError);
    expect(fromFragment('#known=2026&compare=peel&base=%E0%A4%A')).toEqual({});
  });
});

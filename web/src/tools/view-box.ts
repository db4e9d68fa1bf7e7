/** The part of the world that a map shows, degrees. */
import type { Box } from '../map/findings';
import type { KyMap } from '../map/map-view';

export function viewBox(map: KyMap): Box | null {
  const bounds = map.map?.getBounds();
  if (!bounds) return null;
  return [Math.max(-180, bounds.getWest()), Math.max(-90, bounds.getSouth()), Math.min(180, bounds.getEast()), Math.min(90, bounds.getNorth())];
}

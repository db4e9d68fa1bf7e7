/** The tools of the desk, in one list: each is registered here and loaded when it is first opened. */
import { registerTool } from './registry';

registerTool({
  id: 'compare',
  icon: 'columns-2',
  title: ['对比', 'Compare'],
  shortcut: 'b',
  element: 'ky-compare-panel',
  order: 90,
  load: () => import('../compare-panel'),
});

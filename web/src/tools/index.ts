/** The tools of the desk, in one list: each is registered here and loaded when it is first opened. */
import '../styles/tools.css';
import { registerTool } from './registry';

registerTool({ id: 'plot', icon: 'polygon', title: ['地块分析', 'Analyse a plot'], shortcut: 'p', element: 'ky-plot', order: 10, load: () => import('../panels/plot-panel') });
registerTool({ id: 'measure', icon: 'ruler-2', title: ['量算', 'Measure'], shortcut: 'm', element: 'ky-measure', order: 20, load: () => import('./measure-panel') });
registerTool({ id: 'filter', icon: 'filter', title: ['筛选', 'Filter'], shortcut: 'l', element: 'ky-filter', order: 30, load: () => import('../panels/filter-form') });
registerTool({ id: 'table', icon: 'table', title: ['属性表', 'Table'], shortcut: 't', element: 'ky-table', place: 'bottom', order: 40, load: () => import('../panels/table-panel') });
registerTool({ id: 'export', icon: 'download', title: ['导出', 'Export'], shortcut: 'x', element: 'ky-export', order: 50, load: () => import('../panels/export-dialog') });
registerTool({ id: 'lineage', icon: 'sitemap', title: ['来源', 'Lineage'], shortcut: 'y', element: 'ky-lineage', place: 'bottom', order: 60, load: () => import('../panels/lineage-panel') });
registerTool({ id: 'compose', icon: 'map', title: ['专题图', 'Thematic map'], shortcut: '', element: 'ky-compose-link', order: 95, load: () => import('./compose-link') });

registerTool({
  id: 'compare',
  icon: 'columns-2',
  title: ['对比', 'Compare'],
  shortcut: 'b',
  element: 'ky-compare-panel',
  order: 90,
  load: () => import('../compare-panel'),
});

registerTool({
  id: 'base',
  icon: 'mountain',
  title: ['底图', 'Base map'],
  shortcut: 'u',
  element: 'ky-base-panel',
  order: 95,
  load: () => import('../panels/base-panel'),
});

/** The parts of ECharts (Apache-2.0) in use, in one chunk that is fetched with the first chart. */
import { BarChart, TreemapChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, TreemapChart, GridComponent, TooltipComponent, SVGRenderer]);

export { init };

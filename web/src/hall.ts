/** Pages of the citizens' hall (网上办事大厅). Every page works without this. */
import './styles/hall.css';
import './styles/hall-portal.css';
import './styles/following.css';
import './styles/plot.css';
import { wakeChecks } from './hall/checking';
import { wakeDrafts } from './hall/drafts';
import { wakeWizard } from './hall/wizard';

wakeWizard();
wakeDrafts();
wakeChecks();
const card = document.querySelector<HTMLElement>('[data-hall-plot]');
if (card) void import('./hall/plot').then(({ HallPlot }) => new HallPlot(card));
// keeps nothing; says in words that there is no network
void navigator.serviceWorker?.register('/hall/service-worker.js', { scope: '/hall/' }).catch(() => undefined);

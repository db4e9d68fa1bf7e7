/** Entry of the desk. */
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/map.css';
import './styles/desk.css';
import './styles/tools.css';
import './map/map-view';
import './tools/index';
import './panels/layers-panel';
import './panels/feature-panel';
import './panels/tool-host';
import './compare';
import './panels/timeline';
import './panels/search-box';
import './panels/command-palette';
import './panels/desk';

/** Entry of the desk. */
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/map.css';
import './styles/desk.css';
import './map/map-view';
import './panels/layers-panel';
import './panels/feature-panel';
import './panels/time-bar';
import './panels/search-box';
import './panels/command-palette';
import './panels/desk';

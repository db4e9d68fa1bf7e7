/** Entry of pages that show a map beside their own content: `<ky-map findings-url="…">`. */
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/map.css';
import './map/map-view';

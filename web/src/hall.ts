/** Pages of the citizens' hall (网上办事大厅). Every page works without this. */
import './styles/hall.css';
import './styles/following.css';
import './styles/hall-portal.css';

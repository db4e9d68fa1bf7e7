/** Pages of verification, licences and projects: their look only; they work without scripts. */
import './styles/documents.css';

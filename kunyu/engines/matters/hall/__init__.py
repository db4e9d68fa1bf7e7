"""The citizens' side of one-stop approval: guide, application, following a case. 网上办事大厅."""

"""Pages of officers and managers: the list of cases, one case, its acts, statistics. 办件工作台."""

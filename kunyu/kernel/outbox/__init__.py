"""Events written in the transaction that caused them, delivered at least once. 事件发件箱."""

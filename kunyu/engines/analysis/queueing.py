"""The name and queue of the job that does analyses: tasks import what does the work, so whoever queues uses the name."""

TASK, QUEUE = "analysis.run", "analysis"

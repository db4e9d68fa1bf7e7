"""What a matter is: read from a folder, kept as editions, compared across levels. 事项定义."""

"""国土空间规划数据库 Spatial planning."""

"""建设用地规划许可证 Planning permit for the use of land for construction."""

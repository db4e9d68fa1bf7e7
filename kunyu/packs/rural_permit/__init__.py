"""乡村建设规划许可证 Planning permit for building in townships and villages."""

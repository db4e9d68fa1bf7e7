"""质检与验收管理 Survey acceptance."""

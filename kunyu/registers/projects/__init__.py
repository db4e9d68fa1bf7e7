"""投资项目登记 Register of projects."""

"""Exports of layers as background jobs: asked for, written, fetched, removed. 导出作业."""

"""Registered services of others, passed on under this node's permissions. 服务代理."""

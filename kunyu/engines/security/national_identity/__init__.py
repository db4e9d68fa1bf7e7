"""Signing in with an account of the national platform for government services. 国家政务服务平台统一身份认证 (R-060, R-311)."""

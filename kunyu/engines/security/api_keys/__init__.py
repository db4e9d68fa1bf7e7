"""Keys of programs: what an approved application gives, how often it may ask, what was used. 服务密钥与配额."""

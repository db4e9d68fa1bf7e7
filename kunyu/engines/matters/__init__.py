"""Cases: catalogue of matters, forms, materials, flows, time limits, decisions. 政务服务事项与办件."""

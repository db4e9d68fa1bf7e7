"""The one road to the layer tables: which layer, which moment, which rows, read as whom. 图层读取."""

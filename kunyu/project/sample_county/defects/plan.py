"""placeholder"""
from __future__ import annotations
class DefectPlan:
    multipart = False
    def spoil_layers(self, shelf): ...
    def spoil_parcels(self, index, batch, polygon): return batch
    def truth(self): return []
def plan_defects(spec, layout): return DefectPlan()

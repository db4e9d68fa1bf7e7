"""Synthetic evidence: packages as a field team would bring them, with defects on request. 举证样例."""

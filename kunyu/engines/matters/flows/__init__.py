"""Flows of cases: BPMN and DMN, read, validated, run one step at a time, drawn. 流程."""

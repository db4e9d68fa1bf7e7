"""农用地转用审批 Conversion of agricultural land to construction use."""

"""Messages about cases to the national platform: built from events, sent with receipts, reconciled daily. 办件汇聚."""

"""What a back-test leaves: curves, metrics, factor values, prices."""

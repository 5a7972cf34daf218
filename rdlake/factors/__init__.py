"""The mathematics of factors: statistics, fingerprints, formulas."""

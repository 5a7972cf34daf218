"""Compute what can be known of a factor from its values and its formula.

Pure mathematics: values come in as panels (`domain.panel`), figures go out, no lake is touched.
`series` has the figures of one series of days, `statistics` those of a factor in each window,
`formulas` a digest of what a formula says. Equal values have equal figures to the bit, whatever
file they come from: so a figure that is known by its digests is never computed again.
"""

"""Read the factor tables and notes that a person adds.

Unlike files of RD-Agent, they are used whole or refused: a person can mend them. So a fault is a
`BadInput` with its fix, and never a finding.
"""

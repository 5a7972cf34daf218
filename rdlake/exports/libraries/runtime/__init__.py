"""Run a factor's code: these modules are copied as they are into a library of factors.

They work there without rdlake, with Python, numpy and pandas alone. `runner` starts a process for
each factor, `child` is that process, `closed` shuts it in before any foreign code runs.
"""

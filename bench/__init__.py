"""Measure the whole way of the data, and a plain reader of the same files in the same run.

`python -m bench --help` says what each option measures; `make bench` measures the default.
"""

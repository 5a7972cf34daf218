"""Offer every function of the library as a command.

A command parses its arguments, calls one library function and prints what comes back. Data goes to
stdout, talk to stderr (`output`). `main` imports a command only when it is called.
"""

"""Read untrusted files and return values of `domain`.

A reader gets bytes or a path and returns a value together with its findings: each problem with
file, reason and fix. A bad file costs its own content and nothing else.

Readers only read. They execute nothing, unpickle nothing, follow no link, open nothing outside the
folders that the user named, and stop at limits on size, depth and time. What is parsed is what was
hashed: each file is read once.

They know `errors` and `domain` and no other room.
"""

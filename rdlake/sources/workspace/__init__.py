"""One workspace folder: its files, their roles and digests, and what they say."""

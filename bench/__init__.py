"""Times of the whole way of the data, beside a plain reader of the same files in the same run."""

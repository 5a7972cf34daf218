"""Read what is new, keep the evidence, derive the rows, commit them."""

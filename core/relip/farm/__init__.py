"""A shot as an Open Job Description job, for a render farm."""

"""Code of other people, kept with ours."""

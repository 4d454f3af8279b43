"""Titles as parts of addresses."""

import re
import unicodedata


def slugify(title, max_length=60):
    """Small letters, digits and single hyphens; never longer than asked, and never cut inside a word if it can be helped."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if len(slug) <= max_length:
        return slug
    cut = slug[: max_length + 1].rsplit("-", 1)[0]
    return cut[:max_length].strip("-")

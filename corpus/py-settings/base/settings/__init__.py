from settings.parser import ParseError, dump, parse
from settings.slug import slugify
from settings.version import compare

__all__ = ["ParseError", "compare", "dump", "parse", "slugify"]

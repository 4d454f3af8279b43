"""Files of `key = value` in `[sections]`."""

import json


class ParseError(ValueError):
    def __init__(self, line, what):
        super().__init__(f"line {line}: {what}")
        self.line = line


def parse(text):
    """Sections by name; what stands before the first is in the section "". Values are text, or JSON where they look it."""
    sections = {"": {}}
    current = sections[""]
    for number, raw in enumerate(text.splitlines(), start=1):
        line = strip_comment(raw).strip()
        if not line:
            continue
        if line.startswith("["):
            if not line.endswith("]"):
                raise ParseError(number, "a section without its end")
            current = sections.setdefault(line[1:-1].strip(), {})
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise ParseError(number, "neither a section nor a key")
        current[key.strip()] = read_value(value.strip(), number)
    return sections


def strip_comment(line):
    """The line up to its comment."""
    return line.split("#", 1)[0]


def read_value(text, number):
    if text[:1] in ('"', "[", "{") or text in ("true", "false", "null"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ParseError(number, f"not a value: {text}") from error
    if text.lstrip("-").isdigit():
        return int(text)
    return text


def dump(sections):
    """The text that `parse` reads back."""
    lines = []
    for name, values in sections.items():
        if name:
            lines.append(f"[{name}]")
        for key, value in values.items():
            lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"

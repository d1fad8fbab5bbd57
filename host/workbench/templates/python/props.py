"""The language: lines of `key = value`, and comments that begin with `#`. It becomes one JSON object."""

import json


def compile_props(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The JSON, and the lines (from 1) that are wrong, with why."""
    fields, problems = {}, []
    for number, line in enumerate((line.strip() for line in text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if equals:
            fields[key.strip()] = value.strip()
        else:
            problems.append((number, f"`{line}` has no value"))
    return json.dumps(fields, indent=2) + "\n", problems

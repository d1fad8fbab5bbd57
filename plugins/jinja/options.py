"""The options of the compiler, from the texts that a release or a module gives."""

from templates import Options

EXTENSIONS = ("do", "i18n", "loopcontrols")

# Name, what it does, and what applies when it is not given.
DESCRIBED = [
    ("autoescape", "Whether values are escaped: true, false, or auto for what is a page by its name.", "auto"),
    ("extensions", f"Extensions of Jinja, with spaces between: {', '.join(EXTENSIONS)}.", ""),
    ("filters", "Filters that the application registers, with spaces between.", ""),
    ("tests", "Tests that the application registers, with spaces between.", ""),
    ("trim-blocks", "Whether lines that have nothing but a block leave nothing behind.", "false"),
]


class WrongOption(Exception):
    """An option or a value that is not known."""


def read(given: dict[str, str]) -> Options:
    """The options, or `WrongOption`."""
    defaults = {name: default for name, _, default in DESCRIBED}
    for name in given:
        if name not in defaults:
            raise WrongOption(f"there is no option `{name}`: there are {', '.join(defaults)}")
    options = defaults | given

    def one_of(name: str, *values: str) -> str:
        if options[name] not in values:
            raise WrongOption(f"the option `{name}` is one of {', '.join(values)}, not `{options[name]}`")
        return options[name]

    extensions = tuple(options["extensions"].split())
    for extension in extensions:
        if extension not in EXTENSIONS:
            raise WrongOption(f"there is no extension `{extension}`: there are {', '.join(EXTENSIONS)}")
    return Options(
        autoescape=one_of("autoescape", "auto", "true", "false"),
        trim_blocks=one_of("trim-blocks", "true", "false") == "true",
        filters=tuple(options["filters"].split()),
        tests=tuple(options["tests"].split()),
        extensions=extensions,
    )

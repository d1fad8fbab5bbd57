"""The language: one Jinja template becomes one Python module. Nothing here knows of prefab."""

from dataclasses import dataclass

from jinja2 import Environment, ModuleLoader, TemplateSyntaxError, meta
from jinja2.nodes import Template

EXTENSIONS = (".j2", ".jinja", ".jinja2")

# Values are escaped in pages of these kinds.
ESCAPED = (".html", ".htm", ".xml", ".xhtml", ".svg")


@dataclass(frozen=True)
class Options:
    """How templates are compiled."""

    # "auto": by the name; "true" or "false": in all or none.
    autoescape: str = "auto"
    trim_blocks: bool = False
    # Filters and tests that the application registers.
    filters: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is wrong with a template, and in which line, from 1."""

    message: str
    line: int | None


def environment(options: Options) -> Environment:
    """The environment that templates are compiled in."""

    def escapes(name: str | None) -> bool:
        if options.autoescape != "auto":
            return options.autoescape == "true"
        name = (name or "").lower()
        for extension in EXTENSIONS:
            name = name.removesuffix(extension)
        return name.endswith(ESCAPED)

    made = Environment(
        autoescape=escapes,
        trim_blocks=options.trim_blocks,
        lstrip_blocks=options.trim_blocks,
        extensions=[f"jinja2.ext.{name}" for name in options.extensions],
    )
    # That they are there is all that is asked when a template is compiled.
    made.filters.update(dict.fromkeys(options.filters, given_later))
    made.tests.update(dict.fromkeys(options.tests, given_later))
    return made


def given_later(*_args, **_kwargs):
    """Stands for a filter of the application. Jinja computes what is constant, unless a filter says that it needs the context."""
    raise NotImplementedError


def parse(env: Environment, source: str, name: str) -> Template:
    """The tree of a template. Raises what `problem_of` makes a problem of."""
    return env.parse(source, name)


def asks_for(tree: Template) -> list[str]:
    """The templates that it extends, includes or imports, as far as their names are written there."""
    return sorted({name for name in meta.find_referenced_templates(tree) if name is not None})


def compile_template(env: Environment, source: str, name: str) -> str:
    """The Python module, as `Environment.compile_templates` would write it. Raises what `problem_of` makes a problem of."""
    return env.compile(source, name, name, raw=True, defer_init=True)


def module_file(name: str) -> str:
    """What `ModuleLoader` looks for when it is asked for a template of this name."""
    return ModuleLoader.get_module_filename(name)


def problem_of(error: Exception) -> Problem:
    """What is wrong with a template, from what Jinja raised."""
    if isinstance(error, TemplateSyntaxError):
        return Problem(error.message or "this cannot be read", error.lineno)
    if isinstance(error, RecursionError):
        return Problem("the template is nested too deeply", None)
    return Problem(f"{type(error).__name__}: {error}", None)


def warm_up() -> None:
    """Compiles one template that is right and one that is wrong, so that all that Jinja imports and remembers on the way is there."""
    env = environment(Options())
    source = "{% for x in y if x is odd %}{{ x|join|e }}{% else %}{% endfor %}{% include x %}{{ [1, 'a'] }}"
    asks_for(parse(env, source, "a"))
    compile_template(env, source, "a")
    for mistake in ("{% if %}", "{{ x|nothing }}", "{{ \"", "{{ (" + "(" * 5000):
        try:
            compile_template(env, mistake, "a")
        except (TemplateSyntaxError, RecursionError) as error:
            problem_of(error)

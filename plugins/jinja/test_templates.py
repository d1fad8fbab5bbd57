import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from jinja2 import Environment, ModuleLoader
from options import WrongOption, read
from templates import asks_for, compile_template, environment, module_file, parse, problem_of

PAGE = """{% extends "base.html.j2" %}
{% from "macros.j2" import row %}
{% block body %}{{ title }}{% set a, b, c = 1, 2, 3 %}{% for x in items %}{{ row(x) }}{{ a + b + c }}{% endfor %}
{{ one|upper }}{{ two|title }}{{ three|trim }}{{ four is defined }}{{ five is none }}{% endblock %}
"""


def compiled(files, options=None):
    env = environment(read(options or {}))
    return {module_file(name): compile_template(env, text, name) for name, text in files.items()}


def rendered(files, name, options=None, **values):
    """Renders a page with what Jinja itself has for compiled templates."""
    with tempfile.TemporaryDirectory() as folder:
        for file, python in compiled(files, options).items():
            Path(folder, file).write_text(python)
        env = Environment(loader=ModuleLoader(folder), autoescape=True)
        env.filters["money"] = lambda amount: f"{amount} EUR"
        return env.get_template(name).render(**values)


def problem(text, options=None):
    try:
        compiled({"a.j2": text}, options)
    except Exception as error:
        return problem_of(error)
    raise AssertionError("it compiles")


class Templates(unittest.TestCase):
    def test_a_page_renders_with_what_it_extends_and_imports(self):
        files = {
            "base.html.j2": "<body>{% block body %}{% endblock %}</body>",
            "macros.j2": "{% macro row(x) %}<{{ x }}>{% endmacro %}",
            "page.html.j2": PAGE,
        }
        page = rendered(files, "page.html.j2", title="A & B", items=[7], one="u", two="t", three=" ", five=None)
        self.assertEqual(page, "<body>A &amp; B<7>6\nUTFalseTrue</body>")

    def test_it_is_asked_for_by_name(self):
        self.assertEqual(asks_for(parse(environment(read({})), PAGE, "a")), ["base.html.j2", "macros.j2"])

    def test_what_is_escaped_follows_from_the_name(self):
        for name, expected in [("a.html.j2", "&lt;"), ("a.HTML.jinja", "&lt;"), ("a.txt.j2", "<"), ("a.j2", "<")]:
            self.assertEqual(rendered({name: "{{ '<' }}"}, name), expected, name)
        self.assertEqual(rendered({"a.txt.j2": "{{ '<' }}"}, "a.txt.j2", {"autoescape": "true"}), "&lt;")

    def test_a_mistake_has_its_line(self):
        self.assertEqual(problem("one\n{% if x %}\n{% else }\n").line, 3)
        found = problem("one\n{{ x|capitalise }}\n")
        self.assertEqual((found.line, found.message), (2, "No filter named 'capitalise'."))
        self.assertEqual(problem("{{ (" + "(" * 5000).line, None)

    def test_filters_of_the_application_and_extensions_are_options(self):
        text = "{{ 3|money }}{% do x %}"
        self.assertEqual(problem(text).line, 1)
        self.assertEqual(rendered({"a.j2": text}, "a.j2", {"filters": "money", "extensions": "do"}), "3 EUR")
        for wrong in [{"autoescape": "yes"}, {"extensions": "debug"}, {"filter": "money"}]:
            with self.assertRaises(WrongOption):
                read(wrong)

    def test_the_same_template_gives_the_same_module_whatever_python_hashes_with(self):
        program = f"from test_templates import *; print(compiled({{'a.j2': {PAGE!r}}}))"
        run = lambda seed: subprocess.check_output(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": str(seed)}
        )
        self.assertEqual(len({run(seed) for seed in range(4)}), 1)


if __name__ == "__main__":
    unittest.main()

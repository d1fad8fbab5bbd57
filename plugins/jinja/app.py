"""The compiler as prefab sees it: what it is, and how a module is compiled. The contract is in wit/ of the repository."""

import jinja2
import wit_world
from componentize_py_types import Err
from options import DESCRIBED, WrongOption, read
from templates import (
    asks_for,
    compile_template,
    environment,
    module_file,
    parse,
    problem_of,
    warm_up,
)
from wit_world.imports.types import (
    Descriptor,
    Diagnostic,
    Failure_Unsupported,
    Module,
    OptionDescriptor,
    Output,
    Position,
    Severity,
    Span,
)

# What is imported and remembered while the component is made is there in every compilation: nothing can be imported later, since there
# are no files, and nothing has to be made twice.
warm_up()


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Descriptor:
        options = [OptionDescriptor(*option) for option in DESCRIBED]
        return Descriptor(name="jinja", version=jinja2.__version__, languages=["Jinja"], options=options)

    def signature(self, module: Module) -> bytes:
        # What dependents may extend, include and import: a name a line.
        return "\n".join(file.path for file in module.list_files()).encode()

    def compile(self, module: Module, output: Output) -> None:
        try:
            options = read(dict(module.options()))
        except WrongOption as why:
            raise Err(Failure_Unsupported(str(why))) from why
        env = environment(options)
        paths = [file.path for file in module.list_files()]
        known = set(paths).union(*(offered(module, it.name) for it in module.dependencies()))
        for done, path in enumerate(paths):
            output.progress(done, len(paths))
            text = ""
            try:
                text = module.read_file(path).decode().removeprefix("\ufeff")
                missing = [name for name in asks_for(parse(env, text, path)) if name not in known]
                python = compile_template(env, text, path)
            except UnicodeDecodeError:
                output.report(finding(path, "", "not-utf-8", "the file is not UTF-8", None))
            except Exception as error:  # whatever Jinja raises is about the template
                problem = problem_of(error)
                output.report(finding(path, text, "template", problem.message, problem.line))
            else:
                for name in missing:
                    message = f"no template `{name}` is in this module or its dependencies"
                    output.report(finding(path, text, "not-found", message, None, severity=Severity.WARNING))
                output.emit(module_file(path), "text/x-python", python.encode())


def offered(module: Module, dependency: str) -> set[str]:
    """The templates of a dependency. A signature is bytes of a compiler: any will do."""
    signature = module.read_signature(dependency)
    return set() if signature is None else set(signature.decode("utf-8", errors="replace").split("\n"))


def finding(path, text, code, message, line, severity=Severity.ERROR) -> Diagnostic:
    """A finding about a file, or about a whole line of it: Jinja knows no columns."""
    span = None
    if line is not None:
        # As Jinja counts them.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        line = min(max(line, 1), len(lines))
        end = Position(line=line, column=len(lines[line - 1]) + 1)
        span = Span(start=Position(line=line, column=1), end=end)
    return Diagnostic(
        severity=severity, code=f"jinja/{code}", message=message, file=path, span=span, labels=[], help=None
    )

"""The compiler as prefab sees it: what it is, and how a module is compiled. The contract is in wit/."""

import wit_world
from props import compile_props
from wit_world.imports.types import Descriptor, Diagnostic, Module, Output, Position, Severity, Span


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Descriptor:
        return Descriptor(name="compiler-name", version="0.1.0", languages=["Properties"], options=[])

    def compile(self, module: Module, output: Output) -> None:
        for file in module.list_files():
            text = module.read_file(file.path).decode("utf-8", errors="replace")
            json, problems = compile_props(text)
            for line, message in problems:
                at = Position(line=line, column=1)
                # Errors that are reported make the compilation rejected.
                output.report(
                    Diagnostic(
                        severity=Severity.ERROR,
                        code="props/no-value",
                        message=message,
                        file=file.path,
                        span=Span(start=at, end=at),
                        labels=[],
                        help="write `key = value`, or begin the line with `#`",
                    )
                )
            if not problems:
                output.emit(f"{file.path}.json", "application/json", json.encode())

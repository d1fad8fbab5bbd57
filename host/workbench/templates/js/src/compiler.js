// The compiler as prefab sees it: what it is, and how a module is compiled. The contract is in wit/.
import { compileProps } from './props.js';

export function describe() {
  return { name: 'compiler-name', version: '0.1.0', languages: ['Properties'], options: [] };
}

export function compile(module, output) {
  for (const { path } of module.listFiles()) {
    const { json, problems } = compileProps(decoded(module.readFile(path)));
    for (const { line, message } of problems) {
      const at = { line, column: 1 };
      // Errors that are reported make the compilation rejected.
      output.report({
        severity: 'error', code: 'props/no-value', message, file: path, span: { start: at, end: at },
        labels: [], help: 'write `key = value`, or begin the line with `#`',
      });
    }
    if (problems.length === 0) {
      output.emit(`${path}.json`, 'application/json', new TextEncoder().encode(json));
    }
  }
}

function decoded(bytes) {
  return new TextDecoder('utf-8').decode(bytes);
}

// The compiler as prefab sees it: what it is, and how a module is compiled. The contract is in wit/ of the repository.
import { VERSION, generate, parse, partialFile, problemOf } from './templates.js';

export function describe() {
  return {
    name: 'handlebars',
    version: VERSION,
    languages: ['Handlebars'],
    options: [
      { name: 'no-escape', description: 'Whether values are put into the page without being escaped.', defaultValue: 'false' },
      { name: 'runtime', description: 'What the modules import for the Handlebars runtime.', defaultValue: 'handlebars/runtime.js' },
      { name: 'strict', description: 'Whether a field that is missing is an error when the page is rendered.', defaultValue: 'false' },
    ],
  };
}

export function compile(module, output) {
  const options = read(new Map(module.options()));
  const paths = module.listFiles().map(({ path }) => path);
  const files = new Set(paths);
  const templates = [];
  const inline = new Set();
  for (const path of paths) {
    const text = decoded(module.readFile(path));
    if (text === undefined) {
      output.report(finding(path, '', { code: 'handlebars/not-utf-8', message: 'The file is not UTF-8' }));
      continue;
    }
    attempt(output, path, text, () => {
      const template = { path, text, ...parse(text, path) };
      template.inline.forEach((name) => inline.add(name));
      templates.push(template);
    });
  }
  for (const [done, template] of templates.entries()) {
    const { path, text, tree, partials } = template;
    output.progress(BigInt(done), BigInt(templates.length));
    const imports = new Map();
    for (const [name, { place, optional }] of partials) {
      const file = partialFile(name, path, files);
      if (file !== undefined) imports.set(name, file);
      else if (!optional && !inline.has(name) && !template.inline.has(name)) {
        output.report({
          ...finding(path, text, { code: 'handlebars/partial', message: `No template of this module is the partial \`${name}\``, place }),
          severity: 'warning', help: `add \`${name}.hbs\`, or register the partial where the page is rendered`,
        });
      }
    }
    attempt(output, path, text, () => {
      const { code, map } = generate({ tree, text, path, imports, options });
      output.emit(`${path}.js`, 'text/javascript', encoded(code));
      output.emit(`${path}.js.map`, 'application/json', encoded(map));
    });
  }
}

/** What Handlebars throws at a template is a finding about it. */
function attempt(output, path, text, what) {
  try {
    what();
  } catch (error) {
    output.report(finding(path, text, problemOf(error)));
  }
}

function finding(path, text, { code, message, place }) {
  const span = place && { start: position(text, place.start), end: position(text, place.end) };
  // An end that is before the start is not one.
  if (span && (span.end.line < span.start.line || (span.end.line === span.start.line && span.end.column < span.start.column))) span.end = span.start;
  return { severity: 'error', code, message, file: path, span, labels: [], help: undefined };
}

/** A place of Handlebars, whose columns count UTF-16 units from 0, as one of the contract, whose columns count characters from 1. */
function position(text, { line, column }) {
  const lines = text.split(/\r\n?|\n/);
  const at = Math.min(Math.max(line, 1), lines.length);
  return { line: at, column: [...lines[at - 1].slice(0, column)].length + 1 };
}

function read(options) {
  const flag = (name) => {
    const value = options.get(name) ?? 'false';
    if (value !== 'true' && value !== 'false') throw unsupported(`the option \`${name}\` is true or false, not ${JSON.stringify(value)}`);
    return value === 'true';
  };
  const known = describe().options.map(({ name }) => name);
  const unknown = [...options.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw unsupported(`there is no option \`${unknown}\`: there are ${known.join(', ')}`);
  return { noEscape: flag('no-escape'), runtime: options.get('runtime') ?? 'handlebars/runtime.js', strict: flag('strict') };
}

/** A failure of the contract: what is thrown becomes the error of the result. */
const unsupported = (val) => ({ tag: 'unsupported', val });

/** The text, or undefined if the bytes are none. A mark at its beginning is left out. */
function decoded(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const encoded = (text) => new TextEncoder().encode(text);

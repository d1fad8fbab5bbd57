// The language: one Handlebars template becomes one JavaScript module. Nothing here knows of prefab.
import Handlebars from 'handlebars';

/** Which Handlebars this is. */
export const VERSION = Handlebars.VERSION;

/** What a template's file is called. */
const EXTENSIONS = ['.hbs', '.handlebars'];

// Handlebars throws the message of a syntax error and nothing else: this keeps where it is and what was expected.
Handlebars.Parser.parseError = (message, { text, token, line, loc, expected }) => {
  const found = token === 'INVALID' || token == null ? '' : `found ${token === 'EOF' ? 'the end of the file' : JSON.stringify(text)}`;
  const wanted = expected ? `expected ${expected.map(named).join(' or ')}` : '';
  throw Object.assign(new Error(message), {
    // The parser's place is that of the last token it read; lines count from 1 there and from 0 in `line`.
    place: loc?.first_line === undefined
      ? { start: { line: line + 1, column: 0 }, end: { line: line + 1, column: Infinity } }
      : { start: { line: loc.first_line, column: loc.first_column }, end: { line: loc.last_line, column: loc.last_column } },
    told: [found, wanted].filter(Boolean).join(', '),
  });
};

/** What people call a token of the grammar. */
const TOKENS = {
  EOF: 'the end of the file', CLOSE: '}}', CLOSE_UNESCAPED: '}}}', CLOSE_RAW_BLOCK: '}}}}', OPEN: '{{', OPEN_BLOCK: '{{#', OPEN_ENDBLOCK: '{{/',
  OPEN_PARTIAL: '{{>', OPEN_UNESCAPED: '{{{', OPEN_INVERSE_CHAIN: '{{else …}}', INVERSE: '{{else}}', OPEN_SEXPR: '(', CLOSE_SEXPR: ')', ID: 'a name',
  EQUALS: '=', SEP: '.', STRING: 'a text', NUMBER: 'a number', BOOLEAN: 'true or false', UNDEFINED: 'undefined', NULL: 'null', DATA: '@',
  OPEN_BLOCK_PARAMS: 'as |', CLOSE_BLOCK_PARAMS: '|', CONTENT: 'text', COMMENT: 'a comment',
};

function named(quoted) {
  const token = quoted.slice(1, -1);
  return TOKENS[token] ?? token;
}

/**
 * Reads a template: its tree, the partials that it asks for, and the names of those that it defines itself.
 * Throws what {@link problemOf} makes a problem of.
 */
export function parse(text, path) {
  const tree = Handlebars.parse(text, { srcName: path });
  const [partials, inline] = [new Map(), new Set()];
  const visitor = new Handlebars.Visitor();
  const asked = (statement, optional) => {
    const { name } = statement;
    // A name that is computed is looked up when the template is rendered.
    if (name.type !== 'SubExpression' && name.original !== '@partial-block' && !partials.has(String(name.original))) {
      partials.set(String(name.original), { place: statement.loc, optional });
    }
  };
  visitor.PartialStatement = function (statement) {
    asked(statement, false);
    Handlebars.Visitor.prototype.PartialStatement.call(this, statement);
  };
  visitor.PartialBlockStatement = function (statement) {
    asked(statement, true);
    Handlebars.Visitor.prototype.PartialBlockStatement.call(this, statement);
  };
  visitor.DecoratorBlock = function (block) {
    if (block.path.original === 'inline' && block.params[0]) inline.add(String(block.params[0].original));
    Handlebars.Visitor.prototype.DecoratorBlock.call(this, block);
  };
  visitor.accept(tree);
  return { tree, partials, inline };
}

/** The module's file that a partial stands for: from the module's root, or else from the folder of the template that asks. */
export function partialFile(name, path, files) {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  for (const base of [name, folder + name]) {
    for (const extension of ['', ...EXTENSIONS]) {
      const file = normalised(base + extension);
      if (files.has(file)) return file;
    }
  }
  return undefined;
}

function normalised(path) {
  const segments = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return segments.join('/');
}

/**
 * The JavaScript module of a template, and its source map. `imports` has the files of its partials by their names.
 * Throws what {@link problemOf} makes a problem of.
 */
export function generate({ tree, text, path, imports, options }) {
  const { code, map } = Handlebars.precompile(tree, {
    srcName: path, destName: `${path}.js`, strict: options.strict, noEscape: options.noEscape,
  });
  const partials = [...imports].map(([name, file], index) => ({ name, file, as: `partial${index}` }));
  const head = [
    `import Handlebars from ${JSON.stringify(options.runtime)};`,
    ...partials.map(({ as, file }) => `import ${as} from ${JSON.stringify(relative(path, `${file}.js`))};`),
    '',
    'const compiled = Handlebars.template(',
  ];
  const own = partials.map(({ name, as }) => `, ${JSON.stringify(name)}: ${as}`).join('');
  const tail = [
    ');',
    '',
    'export default function template(context, options) {',
    partials.length === 0
      ? '  return compiled(context, options);'
      : `  return compiled(context, { ...options, partials: { ...options?.partials${own} } });`,
    '}',
    `//# sourceMappingURL=${basename(path)}.js.map`,
  ];
  const whole = { ...JSON.parse(map), file: `${basename(path)}.js`, sources: [basename(path)], sourcesContent: [text] };
  // The map is that of the precompiled part, which begins this many lines further down.
  whole.mappings = ';'.repeat(head.length) + whole.mappings;
  return { code: `${[...head, code + tail.shift(), ...tail].join('\n')}\n`, map: JSON.stringify(whole) };
}

const basename = (path) => path.slice(path.lastIndexOf('/') + 1);

/** How a module at one path imports the one at another. */
function relative(from, to) {
  const [source, target] = [from.split('/').slice(0, -1), to.split('/')];
  while (source.length > 0 && target.length > 1 && source[0] === target[0]) {
    source.shift();
    target.shift();
  }
  return `${source.length === 0 ? './' : '../'.repeat(source.length)}${target.join('/')}`;
}

/** What is wrong with a template, from what Handlebars threw: a message, and the place, if it is known. */
export function problemOf(error) {
  if (error?.place) return { code: 'handlebars/syntax', message: sentence(error.told || 'this cannot be read'), place: error.place };
  // (`lineNumber` alone would be where in Handlebars it was thrown: engines set it.)
  if (error?.endColumn !== undefined) {
    const start = { line: error.lineNumber, column: error.column };
    const end = { line: error.endLineNumber, column: error.endColumn };
    return { code: 'handlebars/template', message: error.message.replace(/ - \d+:\d+$/, ''), place: { start, end } };
  }
  if (error instanceof RangeError || error?.name === 'InternalError') {
    return { code: 'handlebars/too-deep', message: 'the template is nested too deeply' };
  }
  // The engine's own limit, which it says with a mere text.
  if (error === 'out of memory') return { code: 'handlebars/too-large', message: 'the template is too large for the compiler' };
  return { code: 'handlebars/template', message: String(error?.message ?? error) };
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { compile } from '../src/compiler.js';

/** Compiles files as prefab would, and returns what came of it. */
function compiled(files, options = {}) {
  const result = { artifacts: {}, findings: [] };
  const bytes = (text) => (typeof text === 'string' ? new TextEncoder().encode(text) : text);
  const module = {
    options: () => Object.entries(options),
    listFiles: () => Object.entries(files).map(([path, text]) => ({ path, size: BigInt(text.length) })),
    readFile: (path) => bytes(files[path]),
  };
  compile(module, {
    emit: (path, _type, bytes) => { result.artifacts[path] = new TextDecoder().decode(bytes); },
    report: (finding) => result.findings.push(finding),
    progress: () => {},
  });
  return result;
}

/** Renders a page with the real runtime. */
async function rendered(artifacts, path, context, options) {
  // Beside node_modules, so that the runtime is found.
  await mkdir('build', { recursive: true });
  const folder = await mkdtemp(join('build', 'test-'));
  try {
    for (const [path, text] of Object.entries(artifacts)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return (await import(pathToFileURL(join(folder, path)))).default(context, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a template renders, with the partials of the module', async () => {
  const { artifacts, findings } = compiled({
    'page.hbs': '<h1>{{title}}</h1>{{> parts/list items=items}}',
    'parts/item.hbs': '<li>{{this}}</li>',
    'parts/list.hbs': '<ul>{{#each items}}{{> item}}{{/each}}</ul>',
  });
  assert.deepEqual(findings, []);
  assert.equal(await rendered(artifacts, 'page.hbs.js', { title: 'A & B', items: [1, 2] }), '<h1>A &amp; B</h1><ul><li>1</li><li>2</li></ul>');
});

test('a partial may ask for itself, be a block with a fallback, or be given when the page is rendered', async () => {
  const { artifacts, findings } = compiled({
    'tree.hbs': '({{name}}{{#each children}}{{> tree}}{{/each}})',
    'page.hbs': '{{#> nothing}}fallback{{/nothing}}{{#*inline "x"}}inline{{/inline}}{{> x}} {{> tree}} {{> given}}',
  });
  assert.deepEqual(findings.map(({ severity, code, span }) => [severity, code, span.start]), [
    ['warning', 'handlebars/partial', { line: 1, column: 87 }],
  ]);
  const context = { name: 'a', children: [{ name: 'b' }] };
  const page = await rendered(artifacts, 'page.hbs.js', context, { partials: { given: () => 'given' } });
  assert.equal(page, 'fallbackinline (a(b)) given');
});

test('a mistake has its place, in characters, and the other templates are compiled', () => {
  const { artifacts, findings } = compiled({
    'a.hbs': '<p>\n😀 {{#if ok}}yes{{/each}}\n</p>',
    'b.hbs': 'one\ntwo {{name\n',
    'c.hbs': '{{name}}',
  });
  assert.deepEqual(Object.keys(artifacts), ['c.hbs.js', 'c.hbs.js.map']);
  assert.deepEqual(findings.map(({ file, code, message, span: { start } }) => [file, code, message, start]), [
    ['a.hbs', 'handlebars/template', "if doesn't match each", { line: 2, column: 6 }],
    ['b.hbs', 'handlebars/syntax', findings[1].message, { line: 2, column: 7 }],
  ]);
  assert.match(findings[1].message, /^Found .*, expected .*}}/);
});

test('bytes that are no text and templates that never end are findings', () => {
  const { findings } = compiled({ 'a.hbs': new Uint8Array([0x66, 0xff]), 'b.hbs': '{{#if a}}'.repeat(3000) + '{{/if}}'.repeat(3000) });
  assert.deepEqual(findings.map(({ file, code }) => [file, code]), [['a.hbs', 'handlebars/not-utf-8'], ['b.hbs', 'handlebars/too-deep']]);
});

test('options are obeyed, and one that is wrong is told', async () => {
  const { artifacts } = compiled({ 'a.hbs': '{{a}}' }, { 'no-escape': 'true' });
  assert.equal(await rendered(artifacts, 'a.hbs.js', { a: '<' }), '<');
  const strict = compiled({ 'a.hbs': '{{a}}' }, { strict: 'true' }).artifacts;
  await assert.rejects(rendered(strict, 'a.hbs.js', {}), /"a" not defined/);
  assert.match(compiled({ 'a.hbs': '' }, { runtime: 'https://cdn/x.js' }).artifacts['a.hbs.js'], /^import Handlebars from "https:\/\/cdn\/x.js";/);
  for (const options of [{ strict: 'yes' }, { strickt: 'true' }]) {
    assert.throws(() => compiled({}, options), ({ tag }) => tag === 'unsupported');
  }
});

test('the source map leads back to the template', () => {
  const { artifacts } = compiled({ 'x/a.hbs': 'one\n{{name}}' });
  const map = JSON.parse(artifacts['x/a.hbs.js.map']);
  assert.deepEqual([map.file, map.sources, map.sourcesContent], ['a.hbs.js', ['a.hbs'], ['one\n{{name}}']]);
  assert.match(map.mappings, /^;;;A/);
});

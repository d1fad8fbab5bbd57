import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileProps } from '../src/props.js';

test('lines become fields', () => {
  assert.deepEqual(JSON.parse(compileProps('# hello\na = b\n\nc=d\n').json), { a: 'b', c: 'd' });
});

test('a line without a value is a problem', () => {
  assert.equal(compileProps('a = b\nc\n').problems[0].line, 2);
});

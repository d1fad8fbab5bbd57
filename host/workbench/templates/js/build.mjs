// Makes the component of src/compiler.js and the contract in wit/.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

// componentize-js takes one file: the language is put before the component that uses it.
const language = (await readFile('src/props.js', 'utf8')).replace(/^export /gm, '');
const component = (await readFile('src/compiler.js', 'utf8')).replace(/^import .*props\.js';\n/m, '');
await mkdir('build', { recursive: true });
await writeFile('build/compiler-name.js', language + component);
const built = await componentize({
  sourcePath: 'build/compiler-name.js',
  witPath: 'wit',
  worldName: 'compiler',
  // A compiler has no clock, no network and no chance: what it does follows from what it is shown.
  disableFeatures: ['clocks', 'fetch-event', 'http', 'random', 'stdio'],
});
await writeFile('build/compiler-name.wasm', built.component);

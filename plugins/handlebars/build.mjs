// Makes the component of src/compiler.js, the Handlebars package and the contract.
import { mkdir, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';
import { build } from 'esbuild';

await mkdir('build', { recursive: true });
// componentize-js takes one file: esbuild puts the package and the compiler into it.
await build({
  entryPoints: ['src/compiler.js'], outfile: 'build/handlebars.js',
  bundle: true, format: 'esm', platform: 'browser', mainFields: ['browser', 'main'], logLevel: 'warning',
});
const { component } = await componentize({
  sourcePath: 'build/handlebars.js',
  witPath: '../../wit/prefab-compiler',
  worldName: 'compiler',
  // A compiler has no clock, no network and no chance: what it does follows from what it is shown.
  disableFeatures: ['clocks', 'fetch-event', 'http', 'random', 'stdio'],
});
await writeFile('build/handlebars.wasm', component);

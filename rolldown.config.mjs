// CommonJS: a first file that loads the program, compiled already (src/sys/compiled.ts); what `ls` needs in one file, and a
// small one for each verb besides. Node 20 loads those faster than ES modules or one bundle of all (npm run bench).
import { defineConfig } from 'rolldown'

// A shell script to `sh`, JavaScript to Node. NODE_EXTRA_CA_CERTS makes Node 20 read every certificate at start, which
// doubles the time of `nbsvm ls`; NBSVM_CA keeps the value for what needs it.
const launcher = [
  '#!/bin/sh',
  `":" // ; NBSVM_CA="$NODE_EXTRA_CA_CERTS"; export NBSVM_CA; unset NODE_EXTRA_CA_CERTS; exec node "$0" "$@"`,
].join('\n')

/** Makes files that V8 takes as they are: in ASCII, and with Node's modules themselves in place of copies of their exports. */
const lean = {
  name: 'lean',
  transform: (code) => code.replaceAll(/^import (\w+) from '(node:\w+)'/gm, "const $1 = process.getBuiltinModule('$2')"),
  renderChunk: (code) => code.replaceAll(/[\u0080-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
}

const output = { dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs', minify: false }

// Without blanks and comments, names as they are: read as written, `start` would fill the space that V8 gives to new objects
// before QEMU runs, and wait a millisecond for it to be cleared.
const dense = { compress: false, mangle: false, codegen: { removeWhitespace: true } }

export default defineConfig([
  {
    input: { nbsvm: 'src/cli/main.ts' },
    platform: 'node',
    plugins: [lean],
    output: { ...output, minify: dense, postBanner: launcher },
  },
  // Built apart: what is loaded first shares no file with what it loads.
  {
    input: { program: 'src/cli/program.ts' },
    platform: 'node',
    plugins: [lean],
    output: {
      ...output,
      minify: dense,
      dir: 'dist/chunk',
      chunkFileNames: '[name].cjs',
      // What Node puts around a CommonJS file, and src/sys/compiled.ts does not.
      banner: '(function (exports, require, module) {',
      footer: '})',
      // A file more costs half a millisecond: what every run loads is one, what the life of a VM takes is another.
      codeSplitting: {
        groups: [
          { name: 'program', tags: ['$initial'], priority: 2 },
          { name: 'vm', test: /(vm.(record.vm|list.exists|life.start)|store.dir.look|action.start)\.ts/, priority: 1 },
        ],
      },
    },
  },
  // The library is built apart, because the program runs as soon as its file is loaded.
  {
    input: { index: 'src/index.ts' },
    platform: 'node',
    output: { ...output, chunkFileNames: 'library/[name].cjs' },
  },
])

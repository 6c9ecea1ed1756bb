// CommonJS: a small first file, what every run needs in another, and one more for each verb. Node 20 loads those faster than ES
// modules or one bundle of all (npm run bench).
import path from 'node:path'
import { defineConfig } from 'rolldown'

/** Has files use Node's modules themselves, in place of copies of all their exports. */
const lean = {
  name: 'lean',
  resolveId: (id) => (id.startsWith('node:') ? `\0${id}` : null),
  load: (id) => (id.startsWith('\0node:') ? `export default process.getBuiltinModule('${id.slice(1)}')` : null),
}

// Without blanks and comments, names as they are: read as written, `start` would fill the space that V8 gives to new objects
// before QEMU runs, and wait a millisecond for it to be cleared. A bug's stack is translated by the maps (src/sys/trace.ts).
const dense = { compress: false, mangle: false, codegen: { removeWhitespace: true } }
const output = {
  dir: 'dist',
  format: 'cjs',
  entryFileNames: '[name].cjs',
  // A stack shows the names of exports.
  minifyInternalExports: false,
  minify: dense,
  sourcemap: true,
  sourcemapExcludeSources: true,
  // The folder of packages may be a link to anywhere: where it leads is nobody's business.
  sourcemapPathTransform: (source) => source.replace(/^.*\/node_modules\//, '../../node_modules/'),
}

// A shell script to `sh`, JavaScript to Node. Where NODE_EXTRA_CA_CERTS is set, Node 20 reads all those certificates at every
// start: without this line `nbsvm ls` takes twice as long there, and `start` a quarter longer. What downloads images will read
// them from NBSVM_CA. Elsewhere the line costs nothing (npm run bench).
const launcher = [
  '#!/bin/sh',
  `":" // ; NBSVM_CA="$NODE_EXTRA_CA_CERTS"; export NBSVM_CA; unset NODE_EXTRA_CA_CERTS; exec node "$0" "$@"`,
].join('\n')

/** Modules that are loaded together, by the name of their file: a file more costs half a millisecond. */
const groups = [
  { name: 'program', tags: ['$initial'], priority: 2 },
  { name: 'vm', test: /(vm.(record.vm|list.exists|life.start)|store.dir.look|action.start)\.ts/, priority: 1 },
  { name: 'qmp', test: /(qemu.qmp|sys.socket)\.ts/ },
  { name: 'asking', test: /(vm.list.machines|remote.(ask|command|connection))\.ts/ },
  { name: 'stop', test: /(action.stop|vm.life.(stop|kill|up))\.ts/ },
]

/** `console-log.cjs` and `action-log.cjs`: what is called alike in two rooms can be told apart in a stack. */
function chunkFile({ name, moduleIds }) {
  if (groups.some((group) => group.name === name)) return 'chunk/[name].cjs'
  return `chunk/${path
    .relative('src', moduleIds.at(-1) ?? path.resolve('src', name))
    .replace(/\.ts$/, '')
    .replaceAll('/', '-')}.cjs`
}

export default defineConfig([
  {
    input: { nbsvm: 'src/cli/main.ts' },
    platform: 'node',
    plugins: [lean],
    output: { ...output, postBanner: launcher },
  },
  // Built apart: what is loaded first shares no file with what it loads.
  {
    input: { program: 'src/cli/program.ts' },
    platform: 'node',
    plugins: [lean],
    // Or `ws` would take native code from wherever it is found.
    transform: { define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' } },
    output: {
      ...output,
      entryFileNames: 'chunk/[name].cjs',
      chunkFileNames: chunkFile,
      codeSplitting: { groups },
    },
  },
  // The library is built apart, because the program runs as soon as its file is loaded; and what does its work, in a thread.
  {
    input: { index: 'src/index.ts' },
    platform: 'node',
    output: { ...output, minify: false, sourcemap: false },
  },
  {
    input: { thread: 'src/library/thread.ts' },
    platform: 'node',
    output: { ...output, sourcemap: false, entryFileNames: 'library/[name].cjs', chunkFileNames: 'library/[name].cjs' },
  },
])

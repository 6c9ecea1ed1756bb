// One small CommonJS file a verb: Node 20 loads those faster than ES modules or one bundle (bench/ measures it).
import { defineConfig } from 'rolldown'

// A shell script to `sh`, JavaScript to Node. NODE_EXTRA_CA_CERTS makes Node 20 read every certificate at start, which
// doubles the time of `nbsvm ls`; NBSVM_CA keeps the value for what needs it.
const launcher = [
  '#!/usr/bin/env sh',
  `":" // ; NBSVM_CA="$NODE_EXTRA_CA_CERTS"; export NBSVM_CA; unset NODE_EXTRA_CA_CERTS; exec node "$0" "$@"`,
].join('\n')

export default defineConfig({
  input: { nbsvm: 'src/cli/main.ts', index: 'src/index.ts' },
  platform: 'node',
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'chunk/[name].cjs',
    minify: false,
    banner: (chunk) => (chunk.name === 'nbsvm' ? launcher : ''),
  },
})

// The guest agent's client, and what a guest sends.
import type { Mutation } from './mutation.js'

const wire = 'src/guest/agentwire.ts'
const wireTest = 'src/guest/agentwire.test.ts'
const unpack = 'src/guest/unpack.ts'
const unpackTest = 'src/guest/unpack.test.ts'
const agentTest = 'test/agent.test.ts'

export const guest: readonly Mutation[] = [
  {
    fault: 'an answer may be of any length',
    file: wire,
    from: 'if (keptBytes <= most) kept.push',
    to: "if (keptBytes <= most || awaited !== 'sync') kept.push",
    test: wireTest,
  },
  {
    fault: 'an answer may be full of little things',
    file: wire,
    from: 'if (plainBytes > maxPlainBytes)',
    to: 'if (plainBytes < 0)',
    test: wireTest,
  },
  {
    fault: 'what was meant for another client is taken for the handshake',
    file: 'src/guest/agent.ts',
    from: "return answer?.kind === 'return' && answer.value === id",
    to: "return answer?.kind === 'return'",
    test: agentTest,
  },
  {
    fault: 'who gives up leaves the program running in the guest',
    file: 'src/guest/program.ts',
    from: 'pid === undefined ? undefined : await endProgram(turn, pid)',
    to: 'undefined',
    test: agentTest,
  },
  {
    fault: 'what only looks like base64 is taken',
    file: 'src/guest/agentanswer.ts',
    from: 'source.length % 4 === 0 && bytes.length === (source.length / 4) * 3 - padding',
    to: 'source.length % 4 === 0',
    test: 'src/guest/agentanswer.test.ts',
  },
  {
    fault: 'a link leads out by way of another',
    file: unpack,
    from: " && !steps.slice(ups).includes('..')",
    to: '',
    test: unpackTest,
  },
  {
    fault: 'a link leads out of the tree',
    file: unpack,
    from: "ups <= name.split('/').length - 2",
    to: "ups <= name.split('/').length - 1",
    test: unpackTest,
  },
  {
    fault: 'files are written through a link',
    file: 'src/sys/treewriter.ts',
    from: 'if (parent !== undefined && !this.#folders.has(parent))',
    to: 'if (parent !== undefined && !this.#folders.has(parent) && !this.#others.has(parent))',
    test: unpackTest,
  },
  {
    fault: 'a file takes on the rights that a guest says, setuid too',
    file: 'src/guest/tar.ts',
    from: 'mode: octalAt(block, 100, 8) & 0o777,',
    to: 'mode: octalAt(block, 100, 8) & 0o7777,',
    test: unpackTest,
  },
]

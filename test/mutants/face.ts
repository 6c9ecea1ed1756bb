import type { Mutation } from './mutation.js'

const parse = 'src/cli/parse.ts'
const parseTest = 'src/cli/parse.test.ts'
const fold = 'src/config/fold.ts'
const foldTest = 'src/config/fold.test.ts'
const layers = 'src/config/layers.ts'
const layersTest = 'src/config/layers.test.ts'
const sequence = 'src/console/sequence.ts'
const filterTest = 'src/console/filter.test.ts'
const rfb = 'src/console/rfb.ts'
const rfbTest = 'src/console/rfb.test.ts'
const unit = 'src/service/unit.ts'
const unitTest = 'src/service/unit.test.ts'

/** What stands between nbsvm and its user: the line, settings, the terminal, the screen, the network, systemd. */
export const face: readonly Mutation[] = [
  {
    fault: 'the environment is above the line',
    file: fold,
    from: '  const given = commandLine[name]\n',
    to: '  const given = environment[name] || commandLine[name]\n',
    test: foldTest,
  },
  {
    fault: 'files are above the environment',
    file: fold,
    from: "if (variable !== undefined && variable !== '') return",
    to: "if (variable !== undefined && variable !== '' && !files.has(name)) return",
    test: foldTest,
  },
  {
    fault: 'where a value came from is lost',
    file: fold,
    from: "{ text: variable, origin: { kind: 'environment' } }",
    to: "{ text: variable, origin: { kind: 'default' } }",
    test: foldTest,
  },
  {
    fault: "the system's files are above the user's",
    file: layers,
    from: '[systemFolder, userFolder].filter',
    to: '[userFolder, systemFolder].filter',
    test: layersTest,
  },
  {
    fault: "a class is above the VM's own file",
    file: layers,
    from: 'of settingsFiles(folders, vm, vmClass))',
    to: 'of settingsFiles(folders, vm, vmClass).toReversed())',
    test: layersTest,
  },
  {
    fault: 'an option that takes the VM out of hand goes through with two dashes',
    file: 'src/config/options.ts',
    from: '/^--?(?<name>',
    to: '/^-(?<name>',
    test: foldTest,
  },
  {
    fault: 'an option that is refused goes through behind another',
    file: 'src/config/options.ts',
    from: 'for (const word of words) {',
    to: 'for (const word of words.slice(0, 1)) {',
    test: foldTest,
  },
  {
    fault: 'what stands behind -- goes to QEMU',
    file: parse,
    from: 'const next = end === -1 ? words.length : end',
    to: 'const next = words.length',
    test: parseTest,
  },
  {
    fault: '-- is taken for the next action',
    file: parse,
    from: "const end = words[next] === '--' ? next + 1 : next",
    to: 'const end = next',
    test: parseTest,
  },
  {
    fault: 'a flag that a verb does not have is taken',
    file: parse,
    from: '  if (declared === undefined)\n    throw',
    to: '  if (declared === undefined) return {}\n  if (declared === "")\n    throw',
    test: parseTest,
  },
  {
    fault: 'a name may lead out of its folder',
    file: 'src/core/name.ts',
    from: 'const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]*$/',
    to: 'const nameShape = /^[A-Za-z0-9][A-Za-z0-9./_-]*$/',
    test: 'src/core/name.test.ts',
  },
  {
    fault: 'drives of another VM are taken for those of one',
    file: 'src/core/name.ts',
    from: '(?<id>.+)-(?<number>',
    to: '(?<id>.+?)-(?:.*-)?(?<number>',
    test: 'src/core/name.test.ts',
  },
  {
    fault: 'a word that is pasted ends where it holds a quote',
    file: 'src/core/words.ts',
    from: "`'${word.replaceAll(\"'\", `'\\\\''`)}'`",
    to: "`'${word}'`",
    test: 'src/core/words.test.ts',
  },
  {
    fault: "what is printed of somebody else's moves the cursor",
    file: 'src/core/text.ts',
    from: '\\u000B-\\u001F',
    to: '\\u000B-\\u001A\\u001C-\\u001F',
    test: 'src/core/text.test.ts',
  },
  {
    fault: "what is printed of somebody else's has 8-bit controls",
    file: 'src/core/text.ts',
    from: '\\u007F-\\u009F',
    to: '\\u007F',
    test: 'src/core/text.test.ts',
  },
  {
    fault: 'the terminal types where the cursor is (DSR)',
    file: sequence,
    from: "new Set(['n', 'i'])",
    to: "new Set(['i'])",
    test: filterTest,
  },
  {
    fault: 'the terminal types what it is (DA)',
    file: sequence,
    from: '`c >c',
    to: '`>c',
    test: filterTest,
  },
  {
    fault: 'a guest reads the clipboard',
    file: sequence,
    from: 'const askingCommands = /^(?:4|5|',
    to: 'const askingCommands = /^(?:4|5|52|',
    test: filterTest,
  },
  {
    fault: 'the terminal types a colour',
    file: sequence,
    from: '(?:;[^?]*)?$/',
    to: '(?:;.*)?$/',
    test: filterTest,
  },
  {
    fault: 'a query that is cut in two goes through',
    file: 'src/console/filter.ts',
    from: '    scan.held = Buffer.concat([scan.held, chunk.subarray(scan.from)])\n',
    to: "    scan.held = Buffer.concat([scan.held, chunk.subarray(scan.from)])\n    scan.state = 'text'\n",
    test: filterTest,
  },
  {
    fault: 'any password opens the screen',
    file: rfb,
    from: 'const isRight = isSame(await readBytes(viewer, challengeBytes), encryptDes(keyOf(password), challenge))',
    to: 'const isRight = (await readBytes(viewer, challengeBytes)).length === challenge.length && keyOf(password) !== encryptDes(challenge.subarray(8), challenge)',
    test: rfbTest,
  },
  {
    fault: 'a viewer comes in without a password',
    file: rfb,
    from: 'if ((await readBytes(viewer, 1))[0] !== securityVnc) return false',
    to: 'if ((await readBytes(viewer, 1))[0] === securityNone) return true',
    test: rfbTest,
  },
  {
    fault: 'every viewer gets one challenge, so an answer that was overheard opens the screen',
    file: rfb,
    from: 'const challenge = randomBytes(challengeBytes)',
    to: 'const challenge = randomBytes(challengeBytes).fill(1)',
    test: rfbTest,
  },
  {
    fault: 'a device of the host that is no tap is removed',
    file: 'src/net/tap.ts',
    from: 'names.filter(isTap)',
    to: 'names',
    test: 'src/net/plan.test.ts',
  },
  {
    fault: 'a tap is open to every user',
    file: 'src/net/tap.ts',
    from: "'mode', 'tap', 'user', String(uid)]",
    to: "'mode', 'tap']",
    test: 'src/net/plan.test.ts',
  },
  {
    fault: 'systemd puts variables in place of words',
    file: unit,
    from: ".replaceAll('$', '$$$$')",
    to: '',
    test: unitTest,
  },
  {
    fault: 'systemd puts its own in place of percent signs',
    file: unit,
    from: "text.replaceAll('%', '%%')",
    to: 'text',
    test: unitTest,
  },
  {
    fault: 'a quote in a setting begins a word of its own for systemd',
    file: unit,
    from: 'text.replaceAll(/[\\\\"]/g, String.raw`\\$&`)',
    to: 'text',
    test: unitTest,
  },
  {
    fault: 'a path with a line break begins a line of the unit',
    file: unit,
    from: 'refuseControl(path, /\\p{Cc}/u)',
    to: 'refuseControl(path, /\\t/u)',
    test: unitTest,
  },
]

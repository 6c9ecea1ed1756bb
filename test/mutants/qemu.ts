import type { Mutation } from './mutation.js'

const journal = 'src/qemu/journal.ts'
const journalTest = 'src/qemu/journal.test.ts'
const command = 'src/qemu/command.ts'
const commandTest = 'src/qemu/command.test.ts'
const keeper = 'src/qemu/keeper.ts'
const keeperTest = 'src/helper/helpers.test.ts'
const answer = 'src/core/check.ts'
const answerTest = 'src/qemu/qmpanswer.test.ts'
const handover = 'src/qemu/handover.ts'
const handoverTest = 'src/qemu/handover.test.ts'

export const qemu: readonly Mutation[] = [
  {
    fault: 'the first end of a VM counts, not the last',
    file: journal,
    from: "events.findLastIndex(({ name }) => name === 'SHUTDOWN')",
    to: "events.findIndex(({ name }) => name === 'SHUTDOWN')",
    test: journalTest,
  },
  {
    fault: 'events count from the last to the first',
    file: journal,
    from: 'of journal.events) {',
    to: 'of journal.events.toReversed()) {',
    test: journalTest,
  },
  {
    fault: 'a stop is taken for an accident',
    file: journal,
    from: "else if (isOurs(entry, 'stopping', 'by')) journal = { ...journal, stopping: entry }",
    to: "else if (isOurs(entry, 'stopping', 'by')) journal = { ...journal }",
    test: journalTest,
  },
  {
    fault: 'a stop of the run before counts',
    file: journal,
    from: 'journal = { started: entry, stopping: undefined, refused: undefined }',
    to: 'journal = { ...journal, started: entry }',
    test: journalTest,
  },
  {
    fault: 'what QEMU writes is taken for what nbsvm has written',
    file: journal,
    from: 'of parseLines(text.ours)) {',
    to: 'of parseLines(text.ours + text.events)) {',
    test: journalTest,
  },
  {
    fault: 'a trouble that is over counts at the next pause',
    file: journal,
    from: '      trouble = undefined\n',
    to: '',
    test: journalTest,
  },
  {
    fault: 'a line that was cut hides the next',
    file: journal,
    from: 'line.lastIndexOf(\'{"timestamp":\')',
    to: 'line.indexOf(\'{"timestamp":\')',
    test: journalTest,
  },
  {
    fault: 'the words of a QEMU that refused have no bound',
    file: journal,
    from: 'entry.words.slice(0, wordsLength)',
    to: 'entry.words',
    test: journalTest,
  },
  {
    fault: 'every event is kept: a clock that the guest sets pushes the others out',
    file: keeper,
    from: '    \\\\{*) continue ;;',
    to: '    \\\\{*) kind=state ;;',
    test: keeperTest,
    only: 'whatever a guest makes QEMU report',
  },
  {
    fault: 'a full console log grows',
    file: keeper,
    from: '[ $size -gt $2 ] && mv -f',
    to: '[ $size -gt $2 ] && cp -f',
    test: keeperTest,
    only: 'a flood on the console',
  },
  {
    fault: 'events grow without end',
    file: keeper,
    from: '[ $events -lt ${mostLines} ] || { mv -f',
    to: '[ $events -lt ${mostLines} ] || { cp -f',
    test: keeperTest,
    only: 'suspends without end',
  },
  {
    fault: 'somebody is signalled who does not hold the lock of a helper',
    file: 'src/helper/helpers.ts',
    from: 'return hasOpen(pid, file) ? pid : undefined',
    to: 'return pid',
    test: keeperTest,
    only: 'nobody is signalled',
  },
  {
    fault: 'any number is a size',
    file: answer,
    from: " && Number.isSafeInteger(value) && value >= 0 ? value : wrong('a size', place)",
    to: " ? value : wrong('a size', place)",
    test: answerTest,
  },
  {
    fault: 'any text is a word of QEMU',
    file: answer,
    from: "typeof value === 'string' && /^[a-z][a-z-]{0,39}$/.test(value)",
    to: "typeof value === 'string'",
    test: answerTest,
  },
  {
    fault: 'a line without end fills the memory',
    file: 'src/qemu/qmpwire.ts',
    from: 'if (keptBytes > limitBytes) throw tooLong(limitBytes)',
    to: 'if (keptBytes < 0) throw tooLong(limitBytes)',
    test: 'src/qemu/qmpwire.test.ts',
  },
  {
    fault: 'QEMU runs without its sandbox',
    file: command,
    from: "    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],\n",
    to: '',
    test: commandTest,
  },
  {
    fault: 'QEMU in its sandbox may run programs',
    file: command,
    from: 'spawn=deny',
    to: 'spawn=allow',
    test: commandTest,
  },
  {
    fault: "QEMU reads the user's configuration of it",
    file: command,
    from: "    ['-no-user-config'],\n",
    to: '',
    test: commandTest,
  },
  {
    fault: "the user's own options come first, and so have not the last word",
    file: command,
    from: '...qemuOptions(machine).flat(), ...machine.args]',
    to: '...machine.args, ...qemuOptions(machine).flat()]',
    test: commandTest,
  },
  {
    fault: 'what an image says of its backing file is believed',
    file: 'src/model/blocknode.ts',
    from: 'backing: image.backing === undefined ? null :',
    to: 'backing: image.backing === undefined ? undefined :',
    test: commandTest,
  },
  {
    fault: 'an image that others stand on is opened for writing',
    file: 'src/model/blocknode.ts',
    from: "blockNode(image.backing, { 'read-only': true })",
    to: 'blockNode(image.backing)',
    test: commandTest,
  },
  {
    fault: 'QEMU has the secrets of the shell that started it',
    file: 'src/qemu/environment.ts',
    from: 'value !== undefined && (anybody.test(name) || (isOwnUser && ownUser.test(name)))',
    to: 'value !== undefined && (isOwnUser || anybody.test(name))',
    test: 'src/qemu/environment.test.ts',
  },
  {
    fault: "a QEMU of another user has the caller's home",
    file: 'src/qemu/environment.ts',
    from: '(isOwnUser && ownUser.test(name))',
    to: 'ownUser.test(name)',
    test: 'src/qemu/environment.test.ts',
  },
  {
    fault: 'a log that is handed over can be rewritten',
    file: handover,
    from: "give(logs.console, ['fifo'])",
    to: "give(logs.console, ['write'])",
    test: handoverTest,
  },
  {
    fault: 'a base that is handed over can be written',
    file: handover,
    from: "giveImage(image.backing, ['read'])",
    to: "giveImage(image.backing, ['write', 'read'])",
    test: handoverTest,
  },
  {
    fault: 'the descriptors are not in the order of what is handed over',
    file: handover,
    from: 'for (const mode of modes) handed.push({',
    to: 'for (const mode of modes) handed.unshift({',
    test: handoverTest,
  },
  {
    fault: 'the first that is handed over takes the place of the lock',
    file: handover,
    from: 'const firstFd = 4',
    to: 'const firstFd = 3',
    test: handoverTest,
  },
]

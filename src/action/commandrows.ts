// The rows of the commands, which are about no single VM.
import { port, seconds } from '../config/quantity.js'
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { checkHost, parseTarget } from '../core/target.js'
import { quoteWord } from '../core/words.js'
import { parseImageRef } from '../model/imageref.js'
import { parseBase } from '../web/base.js'
import type { Flags, Row, Takes } from './verb.js'

const none: Takes = { min: 0, max: 0 }
const one: Takes = { min: 1, max: 1 }

/** What `ls` can show of a VM, in the order of its help. */
export const listColumns = [
  'vm',
  'state',
  'since',
  'mem',
  'ports',
  'drives',
  'template',
  'image',
  'pid',
  'class',
  'fault',
] as const

/** What the words of `ls` mean: `-c COLUMNS`, and machines, `:` for this one. Throws UsageError for others. */
export function listWords(words: readonly string[]): { readonly chosen?: string; readonly hosts: readonly string[] } {
  const at = words.indexOf('-c')
  const hosts = at === -1 ? words : words.toSpliced(at, 2)
  const odd = hosts.find((word) => !word.endsWith(':'))
  if (odd !== undefined)
    throw new UsageError(`unexpected argument ${quote(odd)} after nbsvm ls`, {
      hints: [
        ...(/^[^:-][^:]*$/.test(odd) ? [`the VMs of a machine: nbsvm ls ${quoteWord(odd)}:`] : []),
        ...(/^[^:-][^:]*:[^:]+$/.test(odd) ? [`one VM there: nbsvm ${quoteWord(odd)} status`] : []),
        'see: nbsvm help ls',
      ],
    })
  for (const host of hosts) if (host !== ':') checkHost(host.slice(0, -1))
  return { hosts, ...(at === -1 ? {} : { chosen: words[at + 1] ?? '' }) }
}

function checkColumns(words: readonly string[]): void {
  const { chosen } = listWords(words)
  if (chosen === undefined) return
  const all = listColumns.join(',')
  const wrong = chosen.split(',').find((name) => !listColumns.some((one) => one === name))
  if (wrong !== undefined) throw new UsageError(`ls has no column ${quote(wrong)}`, { hints: [`choose of: nbsvm ls -c ${all}`] })
}

/** VMs of this machine, and of others, or all of a machine's. */
function checkTargets(words: readonly string[]): void {
  for (const word of words) if (word !== ':') parseTarget(word)
}

const works: Readonly<Record<string, string>> = { pull: 'NAME ...', rm: 'NAME ...', prune: '' }

/** Throws a UsageError for words that are none of these. */
function checkImageWords([what, ...names]: readonly string[]): void {
  if (what === undefined) return
  const wants = works[what]
  if (wants === undefined)
    throw new UsageError(`unexpected word ${JSON.stringify(what)} after images`, {
      hints: ['nbsvm images [pull NAME ... | rm NAME ... | prune]', 'the list of them: nbsvm images'],
    })
  if (wants === '' && names.length > 0) throw new UsageError(`images ${what} takes no names`)
  if (wants !== '' && names.length === 0)
    throw new UsageError(`images ${what}: which?`, { hints: [`nbsvm images ${what} ${wants}`, 'see them: nbsvm images'] })
  if (what === 'pull') for (const name of names) parseImageRef(name)
}

function command(name: string, takes: Takes, row: Pick<Row, 'summary'> & Partial<Row>): Row {
  return { name, takes, words: '', flags: {}, ...row }
}

/** Those of the action of this name, too. */
export const webFlags = {
  view: 'for looking only',
  'port=PORT': 'this port of the loopback address, in place of a free one',
  'socket=PATH': 'a unix socket for you alone, in place of a port',
  'base=URL': 'where a reverse proxy has it, or the path alone: /vms',
  'no-open': 'open no browser',
} as const

export function checkWeb({ port: number, socket, base }: Flags): void {
  if (number !== undefined) port.parse(String(number))
  if (number !== undefined && socket !== undefined) throw new UsageError('either --port or --socket')
  if (base !== undefined && parseBase(String(base)) === undefined)
    throw new UsageError(`${quote(String(base))} is neither a URL nor a path`, {
      hints: ['write it so: --base=https://vm.example.org/nbsvm, --base=/nbsvm'],
    })
}

const atMostOne: Takes = { min: 0, max: 1 }
const anyNumber: Takes = { min: 0, max: 1000 }

export const commands: readonly Row[] = [
  command('ls', anyNumber, {
    words: '[-c COLUMNS] [HOST: ...]',
    flags: {
      json: 'as a JSON array',
      watch: 'draw it again every second',
      'timeout=SECONDS': 'give a silent machine up after so long',
    },
    summary: 'list the VMs (nbsvm alone does it too)',
    check: (words, { timeout }) => {
      checkColumns(words)
      if (timeout !== undefined) seconds.parse(String(timeout))
    },
  }),
  command('ssh-config', anyNumber, {
    words: '[VM|HOST:[VM] ...]',
    flags: { json: 'as a JSON array' },
    summary: 'print what ssh must know to reach the VMs, for its own config file',
    check: checkTargets,
  }),
  command('inventory', anyNumber, {
    words: '[VM|HOST:[VM] ...]',
    check: checkTargets,
    flags: { json: "as the JSON object of Ansible's scripts" },
    summary: 'print an inventory of the VMs for Ansible',
  }),
  command('web', none, {
    flags: webFlags,
    isVmToo: true,
    summary: 'serve a page with all VMs to your browser, until Ctrl-C',
    check: (_, flags) => checkWeb(flags),
  }),
  command('doctor', none, {
    flags: { json: 'as a JSON array' },
    summary: 'tell what this machine can do, and what to type where it cannot',
  }),
  command('images', anyNumber, {
    words: '[pull NAME ... | rm NAME ... | prune]',
    flags: { json: 'as a JSON array' },
    summary: 'list the images of distributions; fetch or remove some',
    check: checkImageWords,
  }),
  command('pacemaker', atMostOne, {
    words: '[install | remove]',
    flags: { json: 'as a JSON array' },
    summary: 'list, install or remove the agents for a Pacemaker cluster',
    check: ([what]) => {
      if (what === undefined || what === 'install' || what === 'remove') return
      throw new UsageError(`unexpected word ${quote(what)} after pacemaker`, { hints: ['nbsvm pacemaker [install | remove]'] })
    },
  }),
  command('help', atMostOne, {
    words: '[ACTION]',
    summary: 'explain nbsvm, or one action, command or setting',
  }),
  command('completion', one, {
    words: 'SHELL',
    summary: 'print the completion script for bash, zsh or fish',
  }),
  command('man', none, { summary: 'print the man page, for man(1)' }),
  command('version', none, { summary: 'print the version' }),
]

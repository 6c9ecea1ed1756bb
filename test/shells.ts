// bash, zsh and fish with the completion script loaded: what they offer, and what they make of typed keys.
import { propagation } from './propagation.js'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { completion } from '../src/action/completion.js'
import { shells, type Shell } from '../src/action/shell/offer.js'
import type { CommandContext } from '../src/action/verb.js'

/** Where all of this is kept; the test removes it. */
export const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-completion-'))
fs.chmodSync(folder, 0o755)

for (const shell of shells) fs.writeFileSync(script(shell), await print(shell))

// An interactive fish that finds no such folder fills it from all man pages, in the background, also when it has ended.
// fish 4 keeps it in another place.
for (const place of ['.local/share', '.cache']) {
  fs.mkdirSync(path.join(folder, place, 'fish/generated_completions'), { recursive: true })
}

// In PATH before all others: programs that leave a trace when a script starts them.
const traps = path.join(folder, 'bin')
fs.mkdirSync(traps)
for (const name of ['nbsvm', 'winvm', 'node']) {
  fs.writeFileSync(path.join(traps, name), `#!/bin/sh\ntouch ${folder}/started\n`, { mode: 0o755 })
}

/** The file with a shell's script. */
export function script(shell: Shell): string {
  return path.join(folder, `nbsvm.${shell}`)
}

/** What `nbsvm completion SHELL` prints. */
export async function print(shell: string, vmClass?: string): Promise<string> {
  const lines: string[] = []
  const context = { words: [shell], out: (line: string) => lines.push(line), outside: { vmClass } }
  await completion.run(context as unknown as CommandContext)
  return `${lines.join('\n')}\n`
}

/** Puts something before a command, to run it as somebody else. */
type Wrap = (command: readonly string[]) => readonly string[]

/** Where nothing begins with what was typed, fish guesses: that is left out, as it is fish's own. */
function askFish(line: string): string {
  const last = line.split(' ').at(-1) ?? ''
  return `echo '<<<'; complete -C '${line}' | string replace -r '\\t.*' '' | string match -- '${last}*'; echo '>>>'`
}

/** Asks a shell what may stand in place of the last word of each line. */
export function complete(
  shell: Shell,
  lines: readonly string[],
  own: Record<string, string>,
  wrap: Wrap = (command) => command,
): string[][] {
  const [program = '', ...args] = wrap(asker(shell, lines))
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', env: environmentOf(own), timeout: 60_000 })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, `${shell}: ${stderr}${stdout}`)
  const answers = stdout.split('<<<').slice(1)
  assert.equal(answers.length, lines.length, stdout)
  return answers.map((answer) => {
    const [text = ''] = answer.split('>>>')
    return text.split('\n').filter((word) => word !== '')
  })
}

/** How a script gets into an interactive shell: read as a file, or found in the place that `nbsvm help completion` names. */
export type Loading = 'sourced' | 'installed'

/** Types into an interactive shell on a terminal, where nbsvm is a function that prints its words; returns the screen. */
export function typeInto(
  shell: Shell,
  typed: readonly string[],
  own: Record<string, string>,
  loading: Loading = 'sourced',
): string {
  if (loading === 'installed') install(shell)
  const spy = shell === 'fish' ? `function nbsvm; printf '<%s>\\n' "$argv"; end` : `nbsvm() { printf '<%s>\\n' "$*"; }`
  const command = { bash: 'bash --norc -i', zsh: 'zsh -f -i', fish: `fish ${loading === 'sourced' ? '--no-config' : ''} -i` }[
    shell
  ]
  const input = [`${loaders[shell][loading].replace('SCRIPT', script(shell))}; ${spy}`, ...typed, 'exit']
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env: environmentOf(own),
    input: `${input.join('\n')}\n`,
    timeout: 60_000,
  })
  return stdout
}

/** What makes bash load scripts by the name of the program; a package of its own. */
export const bashCompletion = '/usr/share/bash-completion/bash_completion'

const loaders: Readonly<Record<Shell, Readonly<Record<Loading, string>>>> = {
  bash: { sourced: 'source SCRIPT', installed: `source ${bashCompletion}` },
  zsh: {
    sourced: 'autoload -Uz compinit; compinit -u -D; source SCRIPT',
    installed: 'fpath+=(~/.zfunc); autoload -Uz compinit; compinit -u -D',
  },
  fish: { sourced: 'source SCRIPT', installed: 'true' },
}

function install(shell: Shell): void {
  const places = {
    bash: '.local/share/bash-completion/completions/nbsvm',
    zsh: '.zfunc/_nbsvm',
    fish: '.config/fish/completions/nbsvm.fish',
  }
  const place = path.join(folder, places[shell])
  fs.mkdirSync(path.dirname(place), { recursive: true })
  fs.copyFileSync(script(shell), place)
}

const environmentOf = (own: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: `${traps}:${process.env['PATH'] ?? ''}`,
  HOME: folder,
  TERM: 'dumb',
  LC_ALL: 'C.UTF-8',
  ...own,
})

function asker(shell: Shell, lines: readonly string[]): readonly string[] {
  if (shell === 'bash') return ['bash', '--norc', '-c', [`source ${script('bash')}`, bashStubs, ...lines.map(askBash)].join('\n')]
  if (shell === 'zsh') return ['zsh', '-f', '-c', zshAsker, 'asker', script('zsh'), ...lines]
  return [
    'fish',
    '--no-config',
    '-c',
    [`source ${script('fish')}`, fishStubs, `complete -c winvm -f -a '(__nbsvm_complete)'`, ...lines.map(askFish)].join('\n'),
  ]
}

const bashStubs = `compopt() { if [[ $2 == default ]]; then COMPREPLY+=('<files>'); fi; }`

/** As readline calls it: words broken at = and :, the answer only what comes after the last of those. */
function askBash(line: string): string {
  const words = line.split(' ').flatMap((word) => (word === '' ? [''] : (word.match(/[=:]+|[^=:]+/g) ?? [])))
  const last = line.split(' ').at(-1) ?? ''
  if (/[=:]$/.test(last)) words.push('')
  const broken = /^(?<begin>.*[=:])?/.exec(last)?.groups?.['begin'] ?? ''
  const array = words.map((word) => `'${word}'`).join(' ')
  return `COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1} COMP_LINE='${line}' COMP_POINT=${line.length}
_nbsvm; echo '<<<'; ((\${#COMPREPLY[@]} == 0)) || printf -- '${broken}%s\\n' "\${COMPREPLY[@]}"; echo '>>>'`
}

/** A real zsh on a pseudo terminal, whose compadd prints what it is given instead of drawing it. */
const zshAsker = `
zmodload zsh/zpty
script=$1; shift
zpty inner "PS1= zsh -f -i"
inner() { zpty -w inner "$1" }
inner "unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source $script; compdef _nbsvm winvm"
inner 'compadd() {
  if [[ " $* " == *" -"[OAD]" "* ]]; then builtin compadd "$@"; return; fi
  local -a hits suffix ignored; local hit
  builtin compadd -O hits "$@"
  zparseopts -E -a ignored S:=suffix -- "$@" 2>/dev/null
  for hit in $hits; do print -r -- "$IPREFIX$hit$suffix[2]"; done
}
_files() { print -r -- "$IPREFIX<files>" }
answer() { print; print "<""<<"; _main_complete; print ">"">>"; compstate[insert]=; compstate[list]= }
zle -C answer complete-word answer; bindkey "^I" answer; bindkey "^U" kill-whole-line; print "rea""dy"'
zpty -r inner junk '*ready*'
for line in "$@"; do
  zpty -n -w inner "$line"$'\\t'
  zpty -r inner answer '*>>>*'
  print -r -- "\${answer//$'\\r'/}"
  zpty -n -w inner $'\\C-u'
done
zpty -d inner`

const fishStubs = `function __fish_complete_path; echo '<files>'; end`

export function sorted(words: readonly string[]): string[] {
  return words.toSorted()
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0
}

const isRoot = process.geteuid?.() === 0

/** Runs a command as nobody, where the test is run by root. */
export function asUser(command: readonly string[]): readonly string[] {
  return isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...command] : command
}

export function cannotBeUser(): string | false {
  return !isRoot || has('setpriv') ? false : 'root cannot become a user: setpriv is not installed'
}

/** Runs a command as root where /var/lib and a folder of /dev are others than the machine's, with one VM in each. */
export function asRoot(command: readonly string[]): readonly string[] {
  const prepare =
    'mount -t tmpfs none /var/lib && mkdir -p /var/lib/nbsvm/rootvm /var/lib/nbsvm/drives && ' +
    'mount -t tmpfs none /dev/shm && touch /dev/shm/nbsvm-onlvm-3 && exec "$@"'
  return ['unshare', ...(isRoot ? ['-m'] : ['-rm']), ...propagation(), 'sh', '-c', prepare, 'sh', ...command]
}

export function cannotBeRoot(): string | false {
  const [program = '', ...args] = asRoot(['true'])
  return spawnSync(program, args).status === 0 ? false : 'this user cannot make a mount namespace'
}

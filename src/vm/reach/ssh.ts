// The way into a running guest by ssh: where it answers, and the command of the system's OpenSSH that goes there.
import { lastPlainLines } from '../../console/screen.js'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { longerSeconds } from '../../core/patience.js'
import { quoteWord } from '../../core/words.js'
import { deadlineIn, monotonicMs, pause } from '../../sys/clock.js'
import { findProgram } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import { consoleLog } from '../life/log.js'
import { isUp, requireRunning } from '../life/up.js'
import { readRecord } from '../record/record.js'
import { keyFiles, loginUser } from '../record/seed.js'
import { endingOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { settledAddress, type Address } from './address.js'
import { bannerQuestions, firstBanner, recentAnswer, sshAnswers } from './banner.js'
import { entryOf, optionWords, type SshEntry } from './sshentry.js'

const betweenMs = 250

/** So long `ssh` waits for a guest unless `timeout` is set: it may install itself at its first boot, translated by a busy machine. */
const sshPatienceMs = 600_000

/** So much of what the console said last is shown to who waited in vain. */
const shownLines = 8

export interface Waiting extends Caller {
  readonly timeoutMs?: number
  /** Called about once a second with how long it took by now. */
  readonly onWait?: (waitedMs: number) => void
}

/**
 * Waits until the guest answers by ssh; returns where. Throws a Failure with the last words of its console when it does not within
 * `timeoutMs` (the setting `timeout` where somebody has set it, else 10 minutes), or is gone.
 */
async function waitForSsh(vm: Vm, { timeoutMs = patienceMs(vm), onWait, signal }: Waiting = {}): Promise<Address> {
  requireRunning(vm, 'reach')
  const begin = monotonicMs()
  const deadline = deadlineIn(timeoutMs)
  const questions = bannerQuestions(vm)
  try {
    for (;;) {
      const found = await questions.ask({ signal })
      if (found !== undefined) return found
      if (!isUp(vm))
        throw new Failure(`${vm.id} has ended before it answered by ssh: ${endingOf(vm.drawer).words}`, {
          code: 'VM_NOT_RUNNING',
        })
      if (deadline.isOver)
        throw silent(vm, `after ${Math.round(timeoutMs / 1000)} s`, [
          `wait longer: ${vm.call} timeout=${longerSeconds(timeoutMs)} ssh`,
        ])
      onWait?.(monotonicMs() - begin)
      await pause(Math.min(betweenMs, deadline.leftMs), signal)
    }
  } catch (error) {
    throw signal?.aborted === true ? silent(vm, 'and you stopped waiting') : error
  } finally {
    questions.close()
  }
}

function patienceMs({ settings, folded }: Vm): number {
  return folded.origins.timeout.kind === 'default' ? sshPatienceMs : settings.timeout * 1000
}

function silent(vm: Vm, end: string, wayOn: readonly string[] = []): Failure {
  const lines = lastPlainLines(consoleLog(vm, 16 * 1024), shownLines)
  return new Failure(`${vm.id} does not answer by ssh ${end}`, {
    code: 'SSH_SILENT',
    hints: [
      ...(lines.length === 0
        ? ['its console has said nothing']
        : ['its console said last:', ...lines.map((line) => `  ${line}`)]),
      ...wayOn,
      `be there: ${vm.call} console`,
      'a system that knows nothing of seeds (cloud-init) starts no sshd by itself, and lets nobody in',
    ],
  })
}

/** The ssh of this machine. Throws a Failure that says how it is installed. */
async function requireProgram(name: 'ssh' | 'scp'): Promise<void> {
  if (findProgram(name) !== undefined) return
  const { install } = await import('../../host/check/finding.js')
  throw new Failure(`there is no ${name} on this machine`, { code: 'NOT_INSTALLED', hints: [`install it: ${install('ssh')}`] })
}

/** The command that runs `words` in the guest as ssh does, or a shell there; ssh's own options may stand before them. */
export async function sshCommand(vm: Vm, words: readonly string[], caller: Waiting = {}): Promise<string[]> {
  await requireProgram('ssh')
  const { entry, host } = await reached(vm, caller)
  return ['ssh', ...optionWords(entry), '-l', entry.user, '--', host, ...words]
}

/** What scp needs before its files, and how it calls the guest: `debian@127.0.0.1:` goes before a path. */
export async function scpWords(vm: Vm, caller: Waiting = {}): Promise<{ readonly words: string[]; readonly guest: string }> {
  await requireProgram('scp')
  const { entry, host } = await reached(vm, caller)
  return { words: ['scp', ...optionWords(entry)], guest: `${entry.user}@${host.includes(':') ? `[${host}]` : host}:` }
}

async function reached(vm: Vm, caller: Waiting): Promise<{ entry: SshEntry; host: string }> {
  requireRunning(vm, 'reach')
  const { host, port } = recentAnswer(vm) ?? (await waitForSsh(vm, caller))
  return { entry: entryOf(vm, { host, port }), host }
}

/** So long a guest whose address is not known otherwise may take to say its banner. */
const findMs = 1000

/** The VM as ssh can reach it, now or whenever it runs; undefined for one that it cannot. */
export async function findEntry(vm: Vm, { signal }: Caller = {}): Promise<SshEntry | undefined> {
  const record = readRecord(vm.place, vm.id)
  if (record === undefined || loginUser(vm.settings, record) === undefined) return undefined
  const settled = settledAddress(vm, record)
  if (settled !== undefined) return entryOf(vm, settled)
  if (!isUp(vm)) return undefined
  const address = await firstBanner(vm, findMs, signal).catch(() => undefined)
  signal?.throwIfAborted()
  return address === undefined ? undefined : entryOf(vm, address)
}

/** So long ssh may take to say why it fails. */
const explainMs = 15_000

/** Why ssh fails at a guest that answers, and what to do; undefined where it does not fail: then the command itself did. */
export async function explainSsh(vm: Vm, { signal }: Caller = {}): Promise<string | undefined> {
  if (!(await sshAnswers(vm, { signal }).catch(() => false))) return 'its ssh does not answer any more'
  const [program = 'ssh', ...options] = await sshCommand(vm, ['true'], { signal })
  const limits = signal === undefined ? {} : { signal }
  const { status, stderr } = await run([program, '-o', 'BatchMode=yes', ...options], { ...limits, timeoutMs: explainMs })
  if (status === 0) return undefined
  if (stderr.includes('Permission denied')) {
    return `it does not let nbsvm's key in; it was told of it at the first boot of its drive, if its system reads seeds (cloud-init), and if the user is right: see ${vm.call} explain`
  }
  if (/Host key verification failed|IDENTIFICATION HAS CHANGED/.test(stderr)) {
    return `it shows another host key than the one nbsvm gave it, so nothing was sent; if you trust it, let its new key be kept: rm ${quoteWord(`${keyFiles(vm.place, vm.id).hostKey}.pub`)} ${quoteWord(keyFiles(vm.place, vm.id).knownHosts)}`
  }
  return undefined
}

// How Ceph is asked: by its own programs, each within a time, and an answer is believed as far as it has been looked at.
import { list, object, text } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import { findProgram } from '../../sys/file.js'
import type { Run, RunOptions, RunResult } from '../../sys/process.js'

/** A pool, and who asks for it. */
export interface Cluster {
  readonly pool: string
  /** Absolute path of the file that says where the monitors are. */
  readonly conf: string
  /** Without `client.`. */
  readonly user: string
  readonly run: Run
  /** Names this process: `processMark`. */
  readonly mark: string
  /** Letters and digits, new each time. */
  readonly unique: () => string
}

/** For what `ls` and `status` want to know, which has other things to tell too. */
export const lookSeconds = 4

/** For what changes something: a cluster that has lost a machine needs that long to find it out. */
export const changeSeconds = 30

/** A program that does not end by itself then is killed. */
const graceMs = 3000

/** Exit statuses of `rbd`: the system's error numbers. */
export const exitOf = {
  denied: 1,
  missing: 2,
  forbidden: 13,
  busy: 16,
  exists: 17,
  full: 28,
  notEmpty: 39,
  late: 110,
  quota: 122,
} as const

export type AskOptions = Pick<RunOptions, 'signal' | 'input' | 'onErrorOutput'> & {
  /** How long each question to the cluster may take, of which a copy asks many. */
  readonly seconds?: number
  /** It has many questions, and may take as long as it likes as long as each is answered. */
  readonly isLong?: boolean
}

/** Runs `rbd`, `rados` or `ceph`, to its end or the end of its time. */
export async function tryAsk(cluster: Cluster, words: readonly string[], options: AskOptions = {}): Promise<RunResult> {
  const { seconds = changeSeconds, isLong = false, ...rest } = options
  const timeout = isLong ? {} : { timeoutMs: seconds * 1000 + graceMs }
  return cluster.run(cephCommand(cluster, words, seconds), { ...rest, ...timeout }).catch(notRun(words[0] ?? ''))
}

/** Runs it, and returns what it wrote to stdout. Throws a Failure with Ceph's own reason. */
export async function ask(cluster: Cluster, doing: string, words: readonly string[], options: AskOptions = {}): Promise<string> {
  const result = await tryAsk(cluster, words, options)
  if (result.status === 0) return result.stdout
  options.signal?.throwIfAborted()
  throw await cephFailure(cluster, doing, result, words, options)
}

/** The command with who asks, whom, and for how long. */
function cephCommand({ conf, user }: Pick<Cluster, 'conf' | 'user'>, words: readonly string[], seconds: number): string[] {
  const [program = '', ...args] = words
  const time = String(seconds)
  const times =
    program === 'ceph'
      ? ['--connect-timeout', time]
      : ['client-mount', 'rados-mon-op', 'rados-osd-op'].flatMap((what) => [`--${what}-timeout`, time])
  return [program, '--conf', conf, '--id', user, ...times, ...args]
}

/** Reads an answer in JSON. Throws a Failure for one that is not what was asked for. */
export function read<T>(doing: string, json: string, parse: (json: string) => T): T {
  try {
    return parse(json)
  } catch (cause) {
    throw new Failure(`cannot ${doing}: Ceph's answer cannot be read`, { cause })
  }
}

function notRun(program: string): (error: unknown) => never {
  return (error) => {
    if (findProgram(program) !== undefined) throw error
    throw new Failure(`cannot run ${program}, which drives in Ceph need: it is not installed`, {
      code: 'NOT_INSTALLED',
      hints: ['install ceph-common', 'see what else is missing: nbsvm doctor'],
    })
  }
}

/** What a program of Ceph's that failed says: who is wrong, or missing, or silent, and what to type. */
export async function cephFailure(
  cluster: Cluster,
  doing: string,
  result: RunResult,
  words: readonly string[],
  { seconds = changeSeconds }: AskOptions = {},
): Promise<Failure> {
  const { pool, conf, user } = cluster
  const { status, stderr } = result
  const state = `see how it is: ${quoteWords(['ceph', '--conf', conf, '--id', user, '--connect-timeout', '10', 'status'])}`
  const fail = (why: string, ...hints: string[]): Failure => new Failure(`cannot ${doing}: ${why}`, { hints })
  if (/unable to open config file|did not load config file/.test(stderr)) {
    return fail(`${conf} cannot be read, which says where Ceph's monitors are`, 'name another: ceph_conf=PATH')
  }
  if (/error opening pool/.test(stderr) && status === exitOf.missing) {
    return fail(
      `Ceph has no pool ${pool}`,
      'name another: pool=NAME',
      `make it: ceph osd pool create ${pool}; rbd pool init ${pool}`,
    )
  }
  if (status === exitOf.late || isKilled(status) || /timed out|error calling conf_read_file|TimedOut/i.test(stderr)) {
    // Who only looks writes nothing, and waits no longer.
    const full = seconds < changeSeconds ? undefined : await fullPool(cluster)
    return full ?? fail('Ceph does not answer', state, `its monitors are in ${conf}`)
  }
  if (/connect to the cluster|error connecting/.test(stderr) || status === exitOf.denied || status === exitOf.forbidden) {
    return fail(
      `Ceph does not let client.${user} do that: ${reasonOf(result)}`,
      `its key is to be in /etc/ceph/ceph.client.${user}.keyring, or name another user: ceph_user=NAME`,
      `give it a key: ceph auth get-or-create client.${user} mon 'profile rbd' osd 'profile rbd pool=${pool}'`,
    )
  }
  if (status === exitOf.full || status === exitOf.quota) return poolIsFull(pool)
  return fail(reasonOf(result), `the command was: ${quoteWords(cephCommand(cluster, words, seconds))}`)
}

/** Killed when its time was over. */
function isKilled(status: number): boolean {
  return status === 137
}

/** Writes to a full pool are not refused but wait, which looks like silence. */
async function fullPool(cluster: Cluster): Promise<Failure | undefined> {
  const state = await poolState(cluster)
  return state?.isFull === true ? poolIsFull(cluster.pool) : undefined
}

interface PoolState {
  readonly isFull: boolean
  readonly isFilling: boolean
}

/** Asks the monitors; undefined where they do not answer. */
export async function poolState(cluster: Cluster): Promise<PoolState | undefined> {
  const words = ['ceph', 'osd', 'pool', 'ls', 'detail', '--format', 'json']
  const { status, stdout } = await tryAsk(cluster, words, { seconds: lookSeconds })
  return status === 0 ? read(`look at pool ${cluster.pool}`, stdout, (json) => parsePoolState(json, cluster.pool)) : undefined
}

/** The flags of a pool in what `ceph osd pool ls detail --format json` writes. */
function parsePoolState(json: string, pool: string): PoolState {
  const pools = list(object({ pool_name: text, flags_names: text }))(JSON.parse(json), '')
  const flags = new Set(pools.find(({ pool_name }) => pool_name === pool)?.flags_names.split(','))
  return { isFull: flags.has('full') || flags.has('full_quota'), isFilling: flags.has('nearfull') }
}

function poolIsFull(pool: string): Failure {
  return new Failure(`pool ${pool} is full`, {
    code: 'NO_SPACE',
    hints: ['see what takes the room: ceph df', `see its largest images: rbd du ${pool}`],
  })
}

/** The last of Ceph's own words: of log lines, which begin with a date, only where there is nothing else. */
function reasonOf({ status, stderr }: RunResult): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim().replace(/^rbd: /, ''))
    .filter((line) => line !== '' && !/^[A-Z][a-z ]+: \d+% complete/.test(line))
  const words = lines.filter((line) => !/^\d{4}-\d\d-\d\dT/.test(line))
  return ((words.length === 0 ? lines : words).at(-1) ?? `exit status ${status}`).slice(0, 500)
}

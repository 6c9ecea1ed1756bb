// A home for the VMs of one bench, and whole processes timed from outside.
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import path from 'node:path'

export const program = path.resolve('dist/nbsvm.cjs')
const build = path.resolve('build')

/** More than any program here says. */
const maxBuffer = 64 * 2 ** 20

export interface World {
  /** On the file system of the checkout: a tmpfs would say nothing of disks. */
  readonly folder: string
  /** The file of the nbsvm that it runs. */
  readonly program: string
  /** The environment of every process that is timed; Node 20 reads every certificate at start where it is told to. */
  readonly env: NodeJS.ProcessEnv
  /** Whom they run as. */
  readonly as: { readonly uid?: number; readonly gid?: number }
  /** Runs nbsvm to its end and returns what it wrote to stdout. */
  nbsvm(...words: string[]): string
  /** The same, and returns how long it took, in ms. */
  time(...words: string[]): number
  /** How long any other program takes, in ms. */
  timeOf(command: string, ...words: string[]): number
  /** Runs it, whatever it takes. */
  run(command: string, ...words: string[]): string
  /** Work to do when the bench is over, last first. */
  atEnd(work: () => void): void
  close(): void
}

export interface Choice {
  /** The folder to make the home in, where another file system is wanted. */
  readonly parent?: string
  /** Another build's program. */
  readonly nbsvm?: string
  /** The user whom every process runs as, by number; only root can choose. */
  readonly uid?: number
}

/** Makes an empty home. */
export function openWorld({ parent = build, nbsvm = program, uid }: Choice = {}): World {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(path.join(parent, 'bench-'))
  const as = uid === undefined ? {} : { uid, gid: uid }
  if (uid !== undefined) chownSync(folder, uid, uid)
  const { NODE_EXTRA_CA_CERTS: _, ...own } = process.env
  const env = { ...own, NBSVM_HOME: path.join(folder, 'home'), ...(uid === undefined ? {} : { HOME: folder }) }
  const last: (() => void)[] = []
  const timed = (command: string, words: readonly string[]): { ms: number; stdout: string } => {
    const begin = performance.now()
    const { status, error, stdout, stderr } = spawnSync(command, words, { env, cwd: folder, encoding: 'utf8', maxBuffer, ...as })
    const ms = performance.now() - begin
    if (status !== 0)
      throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? (stderr.trim() || `exit status ${status}`)}`)
    return { ms, stdout }
  }
  return {
    folder,
    program: nbsvm,
    env,
    as,
    nbsvm: (...words) => timed(nbsvm, words).stdout,
    time: (...words) => timed(nbsvm, words).ms,
    timeOf: (command, ...words) => timed(command, words).ms,
    run: (command, ...words) => timed(command, words).stdout,
    atEnd: (work) => last.push(work),
    close: () => {
      for (const work of last.toReversed()) work()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** `ext4`, as far as the magic numbers of statfs(2) are worth knowing here. */
export function fileSystem(folder: string): string {
  const known: Readonly<Record<number, string>> = { 0xef53: 'ext4', 0x58465342: 'XFS', 0x9123683e: 'btrfs', 0x01021994: 'tmpfs' }
  const { type } = statfsSync(folder)
  return known[type] ?? `file system ${type.toString(16)}`
}

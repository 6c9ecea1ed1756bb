// System calls of nbsvm itself that fail or are its last (strace): which there are is learned from a run that nothing happens to.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { program, type Home, type Result } from '../cli.js'

export type Fault = 'KILL' | 'ENOSPC' | 'EIO'

/** One call of a line: the `when`th of its kind in its thread, or on its file. */
export interface Step {
  readonly call: string
  readonly when: number
  /** On what, without what differs from run to run: `rename ~/vms/web/.frozen-X ~/vms/web/saved`. */
  readonly what: string
  /** A file that is called so each time. */
  readonly file?: string
  /** In the thread that waits for the disk. */
  readonly isAside: boolean
}

export interface Hit extends Result {
  /** What it was that failed; undefined where the run came to its end before. */
  readonly what: string | undefined
}

const changing = ['link', 'rename', 'unlink', 'rmdir', 'mkdir', 'symlink', 'chmod', 'lchown', 'fsync', 'fdatasync', 'ftruncate']
const writing = ['openat', 'write', 'pwrite64', 'fallocate', 'copy_file_range', 'sendfile']
/** How another program is begun. */
const beginning = ['clone', 'vfork']
const calls = [...changing, ...writing, ...beginning]

const noRoomFor = new Set([...writing, 'link', 'rename', 'mkdir', 'symlink', 'fsync', 'fdatasync', 'ftruncate'])

/** There are many more of them than those that are meant, and not always as many. */
const counted = new Set(['openat', 'write', 'pwrite64', 'ftruncate'])

/** Whether the call may fail so. */
export function canBe(fault: Fault, { call }: Step): boolean {
  if (fault === 'KILL') return true
  return fault === 'EIO' ? !beginning.includes(call) : noRoomFor.has(call)
}

/**
 * strace counts calls by thread. Those of the one thread that waits for the disk are beyond what the main thread counts to, as that
 * thread has made so many in vain before.
 */
const inVain = `import fs from 'node:fs'
for (let i = 0; i < 3000; i++) {
  fs.write(99999, 'x', () => {})
  if (i < 1500) fs.open('/-/-', () => {})
  if (i < 400) fs.fsync(99999, () => {})
}`

function envOf({ env }: Home): NodeJS.ProcessEnv {
  const options = `--import=data:text/javascript,${encodeURIComponent(inVain)}`
  return { ...env, UV_THREADPOOL_SIZE: '1', NODE_OPTIONS: options }
}

function strace(home: Home, options: readonly string[], words: readonly string[]) {
  const file = path.join(home.folder, `strace-${process.pid}`)
  // Programs that it runs are let go as they begin.
  const command = ['-y', '-s', '0', '-o', file, ...options, process.execPath, program, ...words]
  const child = spawn('strace', command, { env: envOf(home), stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise<Result & { trace: string[] }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      const trace = fs.existsSync(file) ? fs.readFileSync(file, 'latin1').trimEnd().split('\n') : []
      fs.rmSync(file, { force: true })
      resolve({ status: status ?? -1, stdout, stderr, trace })
    })
  })
}

/** The calls of a line, which is run for that, that change something of ours or begin another program. */
export async function stepsOf(home: Home, words: readonly string[]): Promise<Result & { steps: Step[] }> {
  const run = await strace(home, ['-f', '-b', 'execve', '-e', `trace=${calls.join(',')}`], words)
  const counts = new Map<string, number>()
  const [, main] = /^(\d+) /.exec(run.trace[0] ?? '') ?? []
  const steps = run.trace.flatMap((line): Step[] => {
    const [, thread = '', call = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (call === '') return []
    const when = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, when)
    const what = whatOf(home, line)
    const onFile = (counts.get(`${thread} ${what}`) ?? 0) + 1
    counts.set(`${thread} ${what}`, onFile)
    const isOurs = beginning.includes(call) ? !line.includes('CLONE_VM') : line.includes(home.folder)
    if (!isOurs || (call === 'openat' && !/O_CREAT|O_WRONLY|O_RDWR/.test(line))) return []
    const isAside = thread !== main
    const [, name = 'X'] = what.split(' ~')
    if (!counted.has(call) || isAside || /X|PID/.test(name)) return [{ call, when, what, isAside }]
    return [{ call, when: onFile, what, file: `${home.folder}${name}`, isAside }]
  })
  return { ...run, steps }
}

function whatOf({ folder }: Home, line: string): string {
  const [, call = ''] = /^(?:\d+ +)?(\w+)\(/.exec(line) ?? []
  if (beginning.includes(call)) return 'begins a program'
  const files = [...line.matchAll(/[<"](\/[^<>"]*)[>"]/g)].map(([, file = '']) => file).filter((file) => file.startsWith(folder))
  const known = files.map((file) =>
    file
      .replace(folder, '~')
      .replaceAll(/[0-9a-f]{16}/g, 'X')
      .replaceAll(/\.\d+\.tmp/g, '.PID.tmp'),
  )
  // What an open file is called is said once more in the result.
  return [call, ...new Set(known)].join(' ')
}

/** Runs a line to which that happens at one of its steps. */
export async function hit(home: Home, { call, when, file, isAside }: Step, fault: Fault, words: readonly string[]): Promise<Hit> {
  const inject = fault === 'KILL' ? 'signal=SIGKILL' : `error=${fault}`
  const follow = isAside ? ['-f', '-b', 'execve'] : file === undefined ? [] : ['-P', file]
  const run = await strace(home, [...follow, '-e', `trace=${call}`, '-e', `inject=${call}:${inject}:when=${when}`], words)
  const line = run.trace.findLast((one) => (fault === 'KILL' ? /^(\d+ +)?\w+\(/.test(one) : one.includes('(INJECTED)')))
  const isHit = fault === 'KILL' ? run.trace.some((one) => one.includes('killed by SIGKILL')) : line !== undefined
  return { ...run, what: isHit && line !== undefined ? whatOf(home, line) : undefined }
}

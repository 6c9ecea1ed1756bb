// Numbers and clocks that lie: a process number that somebody else has now, a host that was booted anew, a clock that is set while a line is at work.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded, type Random } from './random.js'
import type { Job, Row } from './row.js'
import { inTime, inWorld, openWorld, type World } from './world.js'

const self = fileURLToPath(import.meta.url)
/** The first process of a namespace must take leave of those that have lost their parents: what is dead would keep its number else. */
const reaping = ['sh', '-c', '"$@"; exit $?', 'sh']
const bootIdFile = '/proc/sys/kernel/random/boot_id'
const lastPidFile = '/proc/sys/kernel/ns_last_pid'

export const clocks: Row = {
  name: 'clocks',
  what: 'pid reuse (in a pid namespace), reboot between (another boot id), clock steps',
  minutes: 12,
  async run(job) {
    await inNamespace(job)
    await inWorld(async (world) => {
      await clockSteps(job, world)
    })
  },
}

/** In namespaces of processes and mounts, where numbers can be chosen and files of /proc be covered. */
async function inNamespace(job: Job): Promise<void> {
  const probe = `echo 0 >${lastPidFile} && : >/tmp/.nbsvm-boot-$$ && mount --bind /tmp/.nbsvm-boot-$$ ${bootIdFile}; s=$?; rm -f /tmp/.nbsvm-boot-$$; exit $s`
  const apart = ['--pid', '--fork', '--mount-proc', '--kill-child']
  const { status, stderr } = spawnSync('unshare', [...apart, 'sh', '-c', probe], { encoding: 'utf8' })
  if (status !== 0) return job.notRun(`pid reuse and reboots: no namespaces here: ${stderr.trim().split('\n').at(-1)}`)
  for (const { random } of job.turns(2, 2)) {
    const rounds = job.isShort ? 1 : 25
    const child = spawn(
      'unshare',
      [...apart, ...reaping, process.execPath, self, String(random.below(2 ** 31)), String(rounds)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const ended = await new Promise<number | null>((resolve) => child.on('close', resolve))
    const line = output.trimEnd().split('\n').at(-1) ?? ''
    if (!line.startsWith('{')) {
      job.found(`what runs in the namespace ended by ${ended}: ${output}`)
      continue
    }
    const { found, done } = JSON.parse(line) as { found: string[]; done: string }
    for (const one of found) job.found(one)
    job.done(done)
  }
}

/** Each line, with a clock that jumps at some moment of it. Date is all of the clock that a program here sees; what waits must not go by it. */
async function clockSteps(job: Job, world: World): Promise<void> {
  await world.works('web', 'drive_size=1M', 'newimg')
  const lines = [
    ['start', '-S'],
    ['status'],
    ['pause'],
    ['resume'],
    ['checkpoint', 'x'],
    ['wait', 'stopped', '--timeout=1'],
    ['stop'],
    ['ls'],
  ]
  let count = 0
  for (const { at, random } of job.turns(50, 8)) {
    const words = lines[at % lines.length] as string[]
    const stepMs = random.pick([1, -1]) * random.pick([1000, 3_600_000, 86_400_000, 315_360_000_000])
    const jump = `const real = Date.now, at = performance.now() + ${random.below(300)}; Date.now = () => real() + (performance.now() > at ? ${stepMs} : 0)`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(jump)}` }
    const line = words[0] === 'ls' ? words : ['web', ...words]
    const { status, stderr, isLate } = await inTime(world, line, { env, timeoutMs: 30_000 })
    const isRight = status === 0 || (words[0] === 'wait' && status === 1) || (words[0] === 'checkpoint' && /already/.test(stderr))
    if (isLate || !isRight) job.found(`${line.join(' ')}, the clock set by ${stepMs} ms: ${isLate ? 'it hung' : stderr}`)
    count++
  }
  job.done(`${count} clock steps`)
}

/** What runs in the namespace. */
async function inside(seed: number, rounds: number): Promise<void> {
  const random = seeded(seed)
  const world = openWorld()
  const found: string[] = []
  try {
    await world.works('web', 'drive_size=1M', 'newimg')
    for (let at = 0; at < rounds; at++) found.push(...(await pidReused(world, random)), ...(await rebooted(world, random, at)))
  } catch (error) {
    found.push(String(error))
  } finally {
    spawnSync('umount', ['-l', bootIdFile])
    await world.close()
  }
  process.stdout.write(`${JSON.stringify({ found, done: `${rounds} pids reused, ${rounds} reboots` })}\n`)
}

const lines: readonly (readonly string[])[] = [
  ['status'],
  ['stop'],
  ['pause'],
  ['shutdown'],
  ['reset'],
  ['start', '-S'],
  ['monitor'],
  ['freeze'],
]

/** QEMU is gone, and somebody else has its number: in its folder, and called as it was. */
async function pidReused(world: World, random: Random): Promise<string[]> {
  const pid = await killed(world)
  const stranger = strangerAs(pid, path.join(world.folder, random.pick(['state/web/run', '.'])))
  if (stranger === undefined) return [`no process could be given the number ${pid}`]
  const words = random.pick(lines)
  const { stderr, isLate } = await inTime(world, ['web', ...words], { timeoutMs: 30_000 })
  const state = await stateOf(world)
  const expected = words[0] === 'start' ? 'paused' : 'stopped'
  const faults = [
    ...(stranger.exitCode === null && stranger.signalCode === null
      ? []
      : [`${words.join(' ')} ended a stranger with QEMU's number`]),
    ...(isLate ? [`${words.join(' ')} hung on a stranger`] : []),
    ...(state === expected ? [] : [`after ${words.join(' ')} with a stranger the VM is ${state}: ${stderr}`]),
  ]
  stranger.kill('SIGKILL')
  await new Promise((resolve) => stranger.once('close', resolve))
  await world.works('web', 'stop')
  return faults
}

/** All processes are gone, their numbers are others', and the kernel is another. */
async function rebooted(world: World, random: Random, at: number): Promise<string[]> {
  const pid = await killed(world)
  const file = path.join(world.outside, 'boot_id')
  fs.writeFileSync(file, `00000000-0000-4000-8000-${String(at).padStart(12, '0')}\n`)
  spawnSync('umount', ['-l', bootIdFile])
  if (spawnSync('mount', ['--bind', file, bootIdFile]).status !== 0) return ['the boot id could not be covered']
  const stranger = random.below(2) === 0 ? strangerAs(pid, world.folder) : undefined
  const { stdout } = await world.nbsvm(['web', 'status'])
  const started = await world.nbsvm(['web', 'start', '-S', '--', 'stop'])
  const isAlive = stranger === undefined || (stranger.exitCode === null && stranger.signalCode === null)
  stranger?.kill('SIGKILL')
  return [
    ...(/state +stopped/.test(stdout) && /rebooted|host/.test(stdout) ? [] : [`after a reboot status says: ${stdout}`]),
    ...(started.status === 0 ? [] : [`after a reboot start says: ${started.stderr}`]),
    ...(isAlive ? [] : ['a stranger was ended after a reboot']),
  ]
}

/** Starts the VM and kills its QEMU; returns the number that this had. */
async function killed(world: World): Promise<number> {
  await world.works('web', 'start', '-S')
  const pid = Number(fs.readFileSync(path.join(world.folder, 'state/web/pid'), 'utf8'))
  process.kill(pid, 'SIGKILL')
  while (fs.existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 5))
  return pid
}

/** A process of this number. Other processes begin meanwhile, so it is tried some times. */
function strangerAs(pid: number, cwd: string): ChildProcess | undefined {
  for (let tries = 0; tries < 20; tries++) {
    fs.writeFileSync(lastPidFile, String(pid - 1))
    const child = spawn('sleep', ['1000'], { cwd, stdio: 'ignore', argv0: 'qemu-system-x86_64' })
    if (child.pid === pid) return child
    child.kill('SIGKILL')
  }
  return undefined
}

async function stateOf(world: World): Promise<string> {
  return (JSON.parse((await world.nbsvm(['web', 'status', '--json'])).stdout) as { state: string }).state
}

if (process.argv[1] === self) await inside(Number(process.argv[2]), Number(process.argv[3]))

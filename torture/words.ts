// Hostile names and values of a line, the environment and settings files: each is refused by rule, or works; nothing is written or run outside, nothing
// reaches the terminal as a control sequence, and no value becomes an option of QEMU that it was not meant to be. What a guest, its agent, another machine
// and the page say has tests of its own.
import fs from 'node:fs'
import path from 'node:path'
import { actions, commands } from '../src/action/rows.js'
import type { Row as VerbRow } from '../src/action/verb.js'
import { parseLine } from '../src/cli/parse.js'
import { settingNames } from '../src/config/settings.js'
import { UsageError } from '../src/core/errors.js'
import { hostile, mark } from './hostile.js'
import { seeded, type Random } from './random.js'
import type { Job, Row } from './row.js'
import { inTime, inWorld, orphansIn, runningIn, type World } from './world.js'

/** They are tried as lines alone: they change the system itself, or wait for somebody. */
const onlyRead = new Set([
  'enable',
  'disable',
  'pacemaker',
  'web',
  'vnc',
  'screenshot',
  'cp',
  'console',
  'monitor',
  'wait',
  'ssh',
  'run',
  'help',
  'man',
])

/** Settings that are QEMU options or programs by their meaning. */
const free = new Set(['args', 'drives', 'usb', 'network', 'display', 'qemu', 'viewer', 'ddargs', 'timeout', 'run_as', 'store'])

export const words: Row = {
  name: 'words',
  what: 'hostile names and values of a line, the environment and settings files',
  minutes: 20,
  async run(job) {
    await inWorld(async (world) => {
      await tryWords(job, world)
      await tryShapes(job, world)
    })
  },
}

const grammar = { actions, commands, settings: ['class', ...settingNames] }

interface Line {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What a settings file says. */
  readonly file?: string
}

async function tryWords(job: Job, world: World): Promise<void> {
  const here = path.join(world.outside, 'here')
  fs.mkdirSync(here)
  prepare(world)
  const all: readonly VerbRow[] = [...actions, ...commands]
  let [read, accepted, ran] = [0, 0, 0]
  const before = around(world)
  const real: { row: VerbRow; line: Line }[] = []
  for (const { random } of job.turns(2 * 100, 6)) {
    for (const row of all) {
      const line = lineOf(row, random)
      read++
      const isRead = reads(job, line)
      if (isRead) accepted++
      const isTried = isRead ? random.below(3) === 0 : random.below(40) === 0
      if (isTried && !onlyRead.has(row.name)) real.push({ row, line })
    }
  }
  const chosen = seeded(real.length)
    .shuffled(real)
    .slice(0, job.isShort ? 15 : 1500)
  for (const { line } of chosen) {
    ran++
    if (ran % 50 === 1) await prepareAnew(world)
    await tryLine(job, world, { line, here, before })
  }
  for (const left of await orphansIn(world)) job.found(`still there: ${left}`)
  job.done(`${read} lines over ${all.length} verbs were read (${accepted} accepted), ${ran} were run`)
}

/** Another machine is never asked: what ssh would have been told is written down. */
function prepare(world: World): void {
  const bin = path.join(world.outside, 'bin')
  fs.mkdirSync(bin)
  const log = path.join(world.outside, 'ssh.log')
  fs.writeFileSync(
    path.join(bin, 'ssh'),
    `#!/bin/sh\nfor w; do printf '%s\\0' "$w"; done >>'${log}'; printf '\\n' >>'${log}'; exit 255\n`,
    { mode: 0o755 },
  )
  world.env['PATH'] = `${bin}:${world.env['PATH']}`
  world.env['NO_COLOR'] = '1'
  // Else `type` waits a minute for a guest that takes nothing.
  world.env['timeout'] = '3'
}

async function prepareAnew(world: World): Promise<void> {
  for (const id of runningIn(world.folder)) await world.nbsvm([id, 'stop'])
  fs.rmSync(world.folder, { recursive: true, force: true })
  fs.mkdirSync(path.join(world.folder, 'config'), { recursive: true })
  await world.works('web', 'drive_size=1M', 'newimg')
  await world.works('up', 'drive_size=1M', 'newimg', 'start', '-S')
}

/** A line that has a hostile word in one or more of its places. */
function lineOf(row: VerbRow, random: Random): Line {
  const place = random.below(5)
  const { min, max } = row.takes === 'options' ? { min: 0, max: 3 } : row.takes
  const count = Math.max(place === 1 ? 1 : min, random.below(Math.min(max === 'all' ? 4 : max, 4) + 1))
  const taken = Array.from({ length: count }, () => hostile(random))
  const flags = Object.keys(row.flags).flatMap((flag) => {
    if (random.below(3) > 0) return []
    const [name = '', value] = flag.split('=')
    return [value === undefined ? `--${name}` : `--${name}=${hostile(random)}`]
  })
  const setting = random.pick(settingNames)
  const value = hostile(random)
  const isAction = actions.some(({ name }) => name === row.name)
  const id = place === 0 ? hostile(random) : random.pick(['web', 'up', 'new'])
  const inPlace = place === 2 ? [`${setting}=${value}`] : []
  const words = isAction ? [id, ...inPlace, row.name, ...flags, ...taken] : [row.name, ...taken, ...flags]
  const env = place === 3 ? { [random.pick([setting, 'class', 'EDITOR', 'LANG', 'TERM'])]: value.replaceAll('\0', '') } : {}
  const quoted = `'${value.replaceAll("'", "'\\''")}'`
  return {
    words,
    env,
    ...(place === 4 ? { file: random.pick([`${setting}=${quoted}\n`, `args=(${quoted})\n`, `${value}\n`]) } : {}),
  }
}

function reads(job: Job, { words: line }: Line): boolean {
  const begun = performance.now()
  try {
    parseLine(line, grammar)
    return true
  } catch (error) {
    if (!(error instanceof UsageError))
      job.found(`${JSON.stringify(line)}: ${error instanceof Error ? error.stack : String(error)}`)
    return false
  } finally {
    const ms = performance.now() - begun
    if (ms > 500) job.found(`${JSON.stringify(line).slice(0, 200)} took ${ms.toFixed(0)} ms to be read`)
  }
}

async function tryLine(
  job: Job,
  world: World,
  { line, here, before }: { line: Line; here: string; before: readonly string[] },
): Promise<void> {
  const given = line.words.map((word) => word.replaceAll('\0', ''))
  const told = `${JSON.stringify(given).slice(0, 300)} ${JSON.stringify(line.env)} ${line.file ?? ''}`
  const file = path.join(world.folder, 'config/default.class')
  if (line.file === undefined) fs.rmSync(file, { force: true })
  else fs.writeFileSync(file, line.file)
  const { status, stdout, stderr, isLate } = await inTime(world, given, { env: { ...line.env }, cwd: here, timeoutMs: 30_000 })
  fs.rmSync(file, { force: true })
  if (isLate) job.found(`${told}: not ended after 30 s`)
  if (/bug in nbsvm|^\s+at .*\.[cm]?[jt]s:/m.test(stderr)) job.found(`${told}: ${stderr.slice(0, 600)}`)
  if (status === 1 || status === 2) {
    if (!/nbsvm|: /.test(stderr)) job.found(`${told}: refused without a reason: ${stderr}`)
  }
  // eslint-disable-next-line no-control-regex -- that is what is looked for
  const control = /[\u0000-\u0008\u000B-\u001F\u007F]/.exec(stderr + (given.includes('log') ? '' : stdout))
  if (control !== null && !given.includes('completion')) job.found(`${told}: the terminal gets ${JSON.stringify(control[0])}`)
  const now = around(world)
  const strange = now.filter((one) => !before.includes(one))
  if (strange.length > 0) {
    job.found(`${told}: made ${strange.join(', ')}`)
    for (const one of strange) fs.rmSync(one, { recursive: true, force: true })
  }
  for (const args of sshLines(world)) if (!isHostAsked(args)) job.found(`${told}: ssh was run with ${JSON.stringify(args)}`)
}

function sshLines({ outside }: World): string[][] {
  const log = path.join(outside, 'ssh.log')
  if (!fs.existsSync(log)) return []
  const text = fs.readFileSync(log, 'utf8')
  fs.rmSync(log)
  return text
    .split('\0\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\0'))
}

/** The host stands behind `--`, or ssh was asked for something that needs none. */
function isHostAsked(args: readonly string[]): boolean {
  const at = args.indexOf('--')
  return at === -1 ? !args.some((word) => word.includes(mark)) : !(args[at + 1] ?? '').startsWith('-')
}

/** What lies around the home, where hostile names lead. */
function around({ outside, folder }: World): string[] {
  const here = path.join(outside, 'here')
  const inside = [outside, here].flatMap((place) => fs.readdirSync(place).map((name) => path.join(place, name)))
  const others = ['/', '/tmp', '/etc', path.dirname(outside)].flatMap((place) =>
    fs
      .readdirSync(place)
      .filter((name) => name.includes(mark) || place === '/')
      .map((name) => path.join(place, name)),
  )
  const hidden = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.includes(mark)) : []
  return [...inside, ...others, ...hidden].filter((one) => !one.endsWith('ssh.log'))
}

const times = (all: readonly string[], option: string): number => all.filter((one) => one === option).length

/** QEMU has no option more with a hostile value than with an innocent one, nor one of them more often. */
async function tryShapes(job: Job, world: World): Promise<void> {
  await prepareAnew(world)
  const usual = await shapeOf(world, [])
  if (usual === undefined) throw new Error('explain gives no command')
  let [tried, same] = [0, 0]
  const names = settingNames.filter((name) => !free.has(name))
  for (const { random } of job.turns(400, 8)) {
    const name = random.pick(names)
    const value = hostile(random).replaceAll('\0', '')
    const shape = await shapeOf(world, [`${name}=${value}`])
    tried++
    // Refused.
    if (shape === undefined) continue
    const strange = shape.filter((option) => times(shape, option) > times(usual, option) && !mayAdd(name).includes(option))
    if (strange.length > 0) job.found(`${name}=${JSON.stringify(value)} makes QEMU options ${strange.join(' ')}`)
    else same++
  }
  job.done(`${tried} values in QEMU's command (${same} taken, no option more than they are for)`)
}

/** Options that a setting is there to add. */
function mayAdd(name: string): readonly string[] {
  const all: Readonly<Record<string, readonly string[]>> = {
    cdrom: ['-blockdev', '-device'],
    tpm: ['-chardev', '-tpmdev', '-device'],
    firmware: ['-blockdev', '-drive', '-global'],
    balloon: ['-device'],
    share: ['-chardev', '-device', '-fsdev', '-object'],
    ram: ['-object'],
    movable: ['-only-migratable'],
    iothread: ['-object'],
  }
  return all[name] ?? []
}

/** The names of QEMU's options, as far as explain accepts the settings. */
async function shapeOf(world: World, inPlace: readonly string[]): Promise<string[] | undefined> {
  const { status, stdout } = await inTime(world, ['web', ...inPlace, 'explain', '--json'], { timeoutMs: 30_000 })
  if (status !== 0) return undefined
  const { commands: lines } = JSON.parse(Buffer.from(stdout, 'latin1').toString()) as { commands: string[] }
  const line = lines.find((one) => one.includes('qemu-system')) ?? ''
  // What stands in quotes is a value.
  return [...line.replaceAll(/'(?:[^']|'\\'')*'/g, 'V').matchAll(/(?:^|[\s\\])(-[a-z][\w-]*)(?=\s|$)/g)].map(
    ([, option = '']) => option,
  )
}

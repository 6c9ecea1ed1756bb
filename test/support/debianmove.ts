// A whole Debian that goes to another machine as it runs. As root the two have networks of their own, with a bridge each and a cable
// between those, and what was connected to the guest stays so.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import os from 'node:os'
import { after, type TestContext } from 'node:test'
import { makeHome, program, run, until, type Home, type Result } from '../cli.js'
import { bridge, layCable } from './cable.js'
import { done } from './debian.js'
import { serve } from './sshd.js'

export interface Pair {
  readonly here: (args: readonly string[]) => Promise<Result>
  readonly there: (args: readonly string[]) => Promise<Result>
  /** Runs a line of the guest's shell through the ssh of `here`, and gives what that prints; undefined where guests are on no bridge. */
  readonly listen: ((id: string, line: string) => { readonly lines: () => string[]; readonly end: () => void }) | undefined
}

/** The machine of this home, whose nbsvm is run with `env` besides, and `box2`. */
export async function makePair(home: Home, env: NodeJS.ProcessEnv): Promise<Pair> {
  const cable = await layCable()
  const other = makeHome()
  const [inside, insideOther] = typeof cable === 'string' ? [[], []] : [cable.here.inside, cable.there.inside]
  if (typeof cable !== 'string') {
    after(cable.close)
    for (const { env: own } of [home, other]) own['bridge'] = bridge
  }
  serve(home, new Map([['box2', { ...other, inside: insideOther }]]))
  const environment = { ...home.env, ...env }
  const listen: Pair['listen'] = (id, line) => {
    const [name, ...words] = [...inside, program, id, 'ssh', line]
    const child = spawn(name, words, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    return { lines: () => text.split('\n').slice(0, -1), end: () => void child.kill() }
  }
  return {
    here: (args) => runIn(inside, args, environment),
    there: (args) => runIn(insideOther, args, other.env),
    listen: typeof cable === 'string' ? undefined : listen,
  }
}

function runIn(inside: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> {
  const [name = '', ...words] = [...inside, program, ...args]
  return run(name, words, env)
}

/** Numbers, each on the drive before the next. */
const counter = `import os, time
file = os.open('/srv/count', os.O_CREAT | os.O_WRONLY | os.O_APPEND)
number = 0
while True:
    number += 1
    os.write(file, b'%d\\n' % number)
    os.fsync(file)
    time.sleep(0.02)
`

/** What is in files of its system, read from its drive. */
const look = 'echo 3 >/proc/sys/vm/drop_caches; cat /boot/* /usr/bin/[a-d]* 2>/dev/null | cksum'

/** The VM `id`, which runs with movable=yes, moves to box2 while it counts. */
export async function movesOn(t: TestContext, id: string, { here, there, listen }: Pair): Promise<void> {
  const exec = (nbsvm: Pair['here'], ...words: string[]): Promise<string> => done(nbsvm([id, 'exec', ...words]))
  const count = async (nbsvm: Pair['here']): Promise<number> =>
    Number(await exec(nbsvm, 'sh', '-c', 'tail -n 1 /srv/count || echo 0'))
  const before = await exec(here, 'sh', '-c', look)
  const host = await done(here([id, 'ssh', 'hostname; cat /proc/sys/kernel/random/boot_id']))
  await exec(here, 'systemd-run', '--quiet', '--unit=counter', 'python3', '-c', counter)
  const ticks = listen?.(id, 'n=0; while sleep 0.1; do n=$((n + 1)); echo $n; done')
  try {
    await until('it counts', 60_000, async () => (await count(here)) > 5 && (ticks?.lines().length ?? 5) >= 5)
    const isBusy = (os.loadavg()[0] ?? 0) > 2 * os.cpus().length
    const { status, stderr } = await here([id, 'move', 'box2'])
    assert.equal(status, 0, stderr)
    const stoodStillMs = Number(/stood still for (\d+) ms/.exec(stderr)?.[1])
    t.diagnostic(`with its drive mirrored, the guest stood still for ${stoodStillMs} ms`)
    if (isBusy) t.diagnostic(`others have the processors (load ${os.loadavg()[0]}): its 500 ms are not asserted`)
    else assert.ok(stoodStillMs < 500, `${stoodStillMs} ms`)
    const atMove = await count(there)
    const heard = ticks?.lines().length ?? 0
    await until('it counts on', 60_000, async () => (await count(there)) > atMove + 5 && (ticks?.lines().length ?? 1) > heard)
    await exec(there, 'systemctl', 'stop', 'counter')
    const numbers = (await exec(there, 'cat', '/srv/count')).trim().split('\n').map(Number)
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    )
    const ticked = ticks?.lines().map(Number) ?? []
    assert.deepEqual(
      ticked,
      ticked.map((_, index) => index + 1),
    )
  } finally {
    ticks?.end()
  }
  assert.equal(await done(there([id, 'ssh', 'hostname; cat /proc/sys/kernel/random/boot_id'])), host)
  assert.equal(await exec(there, 'sh', '-c', look), before)
  assert.deepEqual(JSON.parse((await here(['ls', '--json'])).stdout), [])
}

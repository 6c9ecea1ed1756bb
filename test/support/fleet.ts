// Many machines in no room: a stand-in for ssh answers for each by a script of its own, in place of the nbsvm there.
import fs from 'node:fs'
import path from 'node:path'
import { mark } from '../../src/remote/command.js'

export interface Fleet {
  /** The folder with the stand-in, for the front of a PATH. */
  readonly bin: string
  /** Makes a machine, or makes it another: `script` is what its nbsvm does, `connecting` what happens before. */
  readonly machine: (name: string, script: string, connecting?: string) => void
  /** The most that were asked at the same time so far. */
  readonly mostAtOnce: () => number
}

/** Makes a fleet in an empty folder. */
export function makeFleet(folder: string): Fleet {
  const [bin, machines] = ['bin', 'machines'].map((name) => path.join(folder, name)) as [string, string]
  const log = path.join(folder, 'log')
  for (const one of [bin, machines]) fs.mkdirSync(one, { recursive: true })
  const lines = [
    '#!/bin/sh',
    'while [ "$1" != -- ]; do shift; done',
    `echo begin >>'${log}'`,
    `trap 'echo end >>"${log}"' EXIT`,
    `[ -e '${machines}/'"$2" ] || { echo "ssh: Could not resolve hostname $2" >&2; exit 255; }`,
    `'${machines}/'"$2.connecting"`,
    `echo ${mark}; echo ${mark} >&2`,
    `'${machines}/'"$2"`,
  ]
  fs.writeFileSync(path.join(bin, 'ssh'), `${lines.join('\n')}\n`, { mode: 0o755 })
  return {
    bin,
    machine: (name, script, connecting = ':') => {
      for (const [file, text] of [
        [name, script],
        [`${name}.connecting`, connecting],
      ] as const)
        fs.writeFileSync(path.join(machines, file), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    },
    mostAtOnce: () => {
      let [now, most] = [0, 0]
      for (const line of fs.readFileSync(log, 'utf8').split('\n')) {
        now += line === 'begin' ? 1 : line === 'end' ? -1 : 0
        most = Math.max(most, now)
      }
      return most
    },
  }
}

/** What `nbsvm ls --json` prints on a machine with so many VMs, some of which run. */
export function listOf(count: number): string {
  const vms = Array.from({ length: count }, (_, at) => {
    const id = `vm${at}`
    const isRunning = at % 3 === 0
    return {
      id,
      class: null,
      name: id,
      state: isRunning ? 'running' : 'stopped',
      pid: isRunning ? 1000 + at : null,
      sinceMs: isRunning ? 1_700_000_000_000 + at : null,
      memBytes: isRunning ? 512 * 1024 ** 2 : null,
      forwards: isRunning ? [{ hostPort: 2200 + at, guestPort: 22, protocol: 'tcp', address: '127.0.0.1' }] : [],
      drives: [`nbsvm-${id}-0`],
      image: 'debian',
      fault: null,
    }
  })
  return JSON.stringify(vms, undefined, 2)
}

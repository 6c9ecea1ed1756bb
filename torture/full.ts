// A disk that is full: at any write of every verb, and under a guest that runs.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { guestKernel, until } from '../test/cli.js'
import { guestPrompt, Serial } from '../test/guest.js'
import type { Job, Row } from './row.js'
import { openStage, type Stage } from './stage.js'
import { verbs, type Verb } from './verbs.js'
import { mib, openWorld } from './world.js'

/** So much is left, in KB: from nothing to more than most verbs write. They are met by chance: all with all would take an hour. */
const rooms = [0, 4, 8, 12, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]

export const full: Row = {
  name: 'full',
  what: 'host disk full, with 0 to 4096 KB left, under every verb, and under a running guest',
  minutes: 15,
  whyNot: () => (process.geteuid?.() === 0 ? undefined : 'only root can mount a file system to fill it up'),
  async run(job) {
    await onDisk('96M', (folder) => fullVerbs(job, folder))
    if (job.isShort) return job.notRun('under a running guest: it boots Linux, in the whole form alone')
    await onDisk('24M', (folder) => fullGuest(job, folder))
  },
}

/** On a file system of this size, which goes afterwards. */
async function onDisk(size: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'nbsvm', folder])
  fs.chmodSync(folder, 0o755)
  try {
    await work(folder)
  } finally {
    spawnSync('umount', ['-l', folder])
    fs.rmdirSync(folder)
  }
}

function fill(folder: string, leaveKb: number): string {
  const file = path.join(folder, 'filler')
  fs.rmSync(file, { force: true })
  const { bavail, bsize } = fs.statfsSync(folder)
  const fd = fs.openSync(file, 'w')
  const bytes = Math.max(0, bavail * bsize - leaveKb * 1024)
  for (let left = bytes; left > 0; left -= mib) fs.writeSync(fd, Buffer.alloc(Math.min(left, mib)))
  fs.closeSync(fd)
  return file
}

async function fullVerbs(job: Job, folder: string): Promise<void> {
  const stage = await openStage(folder)
  const counts = { 'done all the same': 0, refused: 0 }
  try {
    const all = verbs.flatMap((verb) => rooms.map((kb) => ({ verb, kb })))
    const chosen = [...job.turns(180, 3)].map(({ random }) => random.pick(all))
    for (const { verb, kb } of chosen) {
      try {
        const status = await withoutRoom(job, stage, { verb, kb, folder })
        counts[status === 0 ? 'done all the same' : 'refused']++
      } catch (error) {
        job.found(`${verb.name} with ${kb} KB left: ${String(error)}`)
      }
    }
  } finally {
    await stage.close()
  }
  job.done(`${counts.refused + counts['done all the same']} lines without room (${counts.refused} refused)`)
}

async function withoutRoom(
  job: Job,
  stage: Stage,
  { verb, kb, folder }: { verb: Verb; kb: number; folder: string },
): Promise<number> {
  await verb.ready(stage)
  const filler = fill(folder, kb)
  const { status, stderr } = await stage.world.nbsvm(verb.words(stage))
  const isDone = verb.isDone?.(stage)
  fs.rmSync(filler)
  const told = `${verb.name} with ${kb} KB left`
  job.trace(`${told}: status ${status}`)
  if (status === 0 && isDone === false) job.found(`${told}: status 0, and it was not done`)
  if (status !== 0 && (!/^nbsvm: /m.test(stderr) || /bug in nbsvm/.test(stderr)))
    job.found(`${told}: status ${status}: ${stderr}`)
  if (verb.isOfStates === true) {
    if (stage.states().includes('rollback')) await stage.works('web', 'start', '--if-needed')
    await stage.works('web', 'freeze', '--settle')
  }
  // A guest that met the full disk stands still.
  if (stage.runs('web')) await stage.works('web', 'resume')
  for (const fault of await stage.allFaults()) job.found(`${told}: ${fault}`)
  return status
}

interface Seen {
  readonly state: string
  readonly detail: string | null
  readonly reason?: string | null
}

/** It writes more than there is room for: it is paused, that is said, and it goes on when there is room, with nothing lost. */
async function fullGuest(job: Job, folder: string): Promise<void> {
  const world = openWorld(folder)
  try {
    await world.works('web', 'drive_size=64M', 'newimg')
    await world.works('web', 'mem=128', 'start', ...guestKernel)
    const filler = fill(folder, 4096)
    const serial = await Serial.open(path.join(world.folder, 'state/web/run/console.sock'))
    await serial.waitFor(guestPrompt)
    serial.send(
      'i=0; while [ $i -lt 16 ]; do i=$((i+1)); yes $i | head -c 1048576 | dd of=/dev/vda bs=1M seek=$i conv=fsync 2>/dev/null || echo FAI""LED; done; echo DO""NE\n',
    )
    const look = async (): Promise<Seen> => JSON.parse((await world.nbsvm(['web', 'status', '--json'])).stdout) as Seen
    await until('it is paused', 60_000, async () => (await look()).state === 'paused')
    const { detail } = await look()
    const text = (await world.nbsvm(['web', 'status'])).stdout
    if (detail !== 'io-error' || !/[Nn]o space/.test(text)) job.found(`a guest on a full disk: status says ${detail}: ${text}`)
    const early = await world.nbsvm(['web', 'resume'])
    if (early.status === 0) job.found(`resume without room ended with 0: ${early.stderr}`)
    fs.rmSync(filler)
    await world.works('web', 'resume')
    const said = await serial.waitFor(/DONE/)
    if (said.includes('FAILED')) job.found('a guest on a full disk: a write failed')
    const sums = await serial.command(
      'i=0; while [ $i -lt 16 ]; do i=$((i+1)); yes $i | head -c 1048576 | md5sum; dd if=/dev/vda bs=1M skip=$i count=1 iflag=direct 2>/dev/null | md5sum; done | sort -u | wc -l',
    )
    if (!/^ *16 *$/m.test(sums)) job.found(`a guest on a full disk: what it reads back is not what it wrote: ${sums}`)
    serial.close()
    job.done('a guest that wrote 16 MB with room for 4: paused, told, resumed, all there')
  } finally {
    await world.close()
  }
}

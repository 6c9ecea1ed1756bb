// The LVM store on a real device-mapper, this machine's own or that of User-Mode Linux: the group of its tests, and what they look at.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { after, afterEach, before } from 'node:test'
import { Failure } from '../../src/core/errors.js'
import type { FailureCode } from '../../src/core/codes.js'
import type { Drive } from '../../src/model/drive.js'
import { probe } from '../../src/store/common/probe.js'
import { lvmStore } from '../../src/store/lvm/lvmstore.js'
import type { CopyOptions, LiveDrives, Source, Store } from '../../src/store/store.js'
import { run } from '../../src/sys/process.js'
import { makeTestGroup, type TestGroup } from './group.js'
import { whereDeviceMapperIs } from './where.js'

export const mib = 2 ** 20
/** Its own for each file: on a machine that has a device-mapper they run at once. */
export const vg = `nbsvmtest${process.pid}`
/** A thin pool in it. */
export const pool = 'pool'

const diskBytes = 1536 * mib
let group: TestGroup

/** Defines tests that have the group, each without what the one before left. */
export function whereVolumesAre(file: string, define: () => void): void {
  whereDeviceMapperIs(file, { diskBytes }, () => {
    before(() => {
      group = makeTestGroup(vg, diskBytes)
      sh(`lvcreate --quiet --type thin-pool --size 300m --name ${pool} ${vg}`)
    })
    after(() => group.remove())
    // What a failed test left would fail the next ones too.
    afterEach(() => {
      const left = volumeNames().filter((name) => name !== pool)
      if (left.length > 0) sh(`lvremove -qq -f ${left.map((name) => `${vg}/${name}`).join(' ')}`)
    })
    define()
  })
}

/** Runs a command to its end and returns what it wrote; throws when it fails. */
export function sh(command: string): string {
  return group.sh(command)
}

/** The disk that the group is on. */
export function testDisk(): string {
  return group.disk
}

export function volumeNames(): string[] {
  return sh(`lvs --noheadings -o lv_name ${vg}`)
    .split('\n')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .sort()
}

export function lvs(fields: string, name: string): string {
  return sh(`lvs --noheadings --separator , --units b --nosuffix -o ${fields} ${vg}/${name}`).trim()
}

/** Makes drive 0 of a VM, of which every fourth MiB is random and the rest zero. */
export async function quarterFull(id: string, sizeMib: number): Promise<Drive> {
  const drive = await open().create(id, sizeMib * mib)
  sh(`dd if=/dev/zero of=${drive.image.path} bs=1M count=${sizeMib} status=none
    for ((i = 0; i < ${sizeMib}; i += 4)); do
      dd if=/dev/urandom of=${drive.image.path} bs=1M count=1 seek=$i conv=notrunc status=none
    done; sync`)
  return drive
}

export function same(a: Drive, b: Drive): boolean {
  return spawnSync('cmp', ['-s', a.image.path, b.image.path]).status === 0
}

export async function removeAll(id: string): Promise<void> {
  for (const drive of await open().drives(id)) await open().remove(drive)
}

export const copyOptions: CopyOptions & { live: LiveDrives } = {
  live: {
    runs: () => false,
    activeFile: () => Promise.resolve(undefined),
    switchTo: () => Promise.resolve(),
    grow: () => Promise.resolve(),
  },
}

export function open(options: Partial<Parameters<typeof lvmStore>[0]> = {}): Store {
  return lvmStore({ vg, run, asRoot: run, probe, ...options })
}

export function find(wanted: { gold?: string; source?: string }): Promise<Source> {
  const { gold = 'gold', source } = wanted
  return open().findSource({ gold, source, vmClass: undefined, snapshotLv: undefined, trust: false })
}

export function isFailure(code: FailureCode): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code
}

export async function refused(promise: Promise<unknown>, message: RegExp, hint?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.match(error.message, message)
    if (hint !== undefined) assert.match(error.hints.join('\n'), hint)
    return true
  })
}

export function bytes(drive: Drive, start: number, length: number): Buffer {
  const fd = fs.openSync(drive.image.path, 'r')
  try {
    const buffer = Buffer.alloc(length)
    assert.equal(fs.readSync(fd, buffer, 0, length, start), length)
    return buffer
  } finally {
    fs.closeSync(fd)
  }
}

export function write(drive: Drive, start: number, text: string): void {
  execFileSync('dd', [`of=${drive.image.path}`, 'bs=1', `seek=${start}`, 'conv=notrunc,fsync', 'status=none'], { input: text })
}

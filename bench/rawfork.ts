// QEMU that takes in the state of a template, without nbsvm.
import { hostArch } from '../src/sys/environment.js'
import { chownSync, copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { shield } from '../src/qemu/shield.js'
import { answered } from './answer.js'
import { drawerOf } from './forking.js'
import { folderOf, runQemu, type Running } from './rawqemu.js'
import type { World } from './world.js'

/** QEMU from the same template, run as a fork's is, without nbsvm. */
export class Raw {
  readonly #world: World
  readonly #line: string
  readonly #drive: string
  readonly #fd: number

  private constructor(world: World, line: string, drive: string, fd: number) {
    this.#world = world
    this.#line = line
    this.#drive = drive
    this.#fd = fd
  }

  /** Forks once, to see how that is run. */
  static async of(world: World, gold: string, settings: readonly string[]): Promise<Raw> {
    world.nbsvm('model', ...settings, `gold=${gold}`, 'fork')
    const command = readFileSync(path.join(drawerOf(world, 'model'), 'command'), 'utf8')
    const drive = path.join(world.env['NBSVM_HOME'] ?? '', 'drives/nbsvm-model-0.qcow2')
    const kept = path.join(folderOf(world, 'model'), 'drive.qcow2')
    copyFileSync(drive, kept)
    world.nbsvm('model', 'stop', 'rm', '--yes')
    const [, fd, devices] = / (\d+)<(\S*\/devices)/.exec(command) ?? []
    if (fd === undefined || devices === undefined) throw new Error(`what is its state in ${command}?`)
    let line = command.slice(command.indexOf(`exec "$@"' sh `) + `exec "$@"' sh `.length).trim()
    // Root's VMs have users of their own, and some a copy of RAM. Here all have the template itself.
    const guarded = (shield(hostArch()) ?? []).map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
    if (line.startsWith('setpriv ')) line = line.replace(/^setpriv .*? -- /, `${guarded} `)
    line = line.replace('"mem-path":"ram"', `"mem-path":"${path.join(path.dirname(devices), 'ram')}"`)
    // Nobody reads what it writes.
    line = line.replaceAll(/ (\d+)>\S*\.fifo/g, ' $1>/dev/null').replaceAll(drive, './drive.qcow2')
    return new Raw(world, line, kept, Number(fd))
  }

  /** Until it answers, where it takes nothing in. */
  async timeQmp(): Promise<number> {
    const { began, end } = await this.#run('one', this.#line.replace('-incoming defer', '-S'))
    const ms = performance.now() - began
    await end()
    return ms
  }

  async timeGuest(): Promise<number> {
    const { began, folder, end } = await this.#up('one')
    const ms = (await answered(folder, false)) - began
    await end()
    return ms
  }

  /** Until the last of them runs. */
  async timeMany({ many, atOnce }: Crowd): Promise<number> {
    const all: Running[] = []
    for (let at = 0; at < many; at++) this.#lay(String(at))
    const began = performance.now()
    await inCrowd(many, atOnce, async (at) => void all.push(await this.#up(String(at))))
    const ms = performance.now() - began
    for (const { end } of all) await end()
    return ms
  }

  #lay(name: string): void {
    const own = path.join(folderOf(this.#world, name), 'drive.qcow2')
    copyFileSync(this.#drive, own)
    const { uid, gid } = this.#world.as
    if (uid !== undefined) chownSync(own, uid, gid ?? uid)
  }

  #run(name: string, line: string): Promise<Running> {
    this.#lay(name)
    return runQemu(this.#world, name, line)
  }

  async #up(name: string): Promise<Running> {
    const running = await this.#run(name, this.#line)
    const { qmp } = running
    const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }))
    const over = qmp.event('MIGRATION', 'completed')
    await qmp.ask('migrate-set-capabilities', { capabilities })
    await qmp.ask('qom-set', { path: '/machine', property: 'suppress-vmdesc', value: true })
    await qmp.ask('migrate-incoming', { uri: `fd:${this.#fd}` })
    await over
    await qmp.ask('cont')
    return running
  }
}

interface Crowd {
  readonly many: number
  readonly atOnce: number
}

async function inCrowd(many: number, atOnce: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < many) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
}

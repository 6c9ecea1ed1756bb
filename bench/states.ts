// The states of guests that QEMU itself can keep.
import path from 'node:path'
import { answered } from './answer.js'
import { folderOf, runQemu } from './rawqemu.js'
import type { World } from './world.js'

const mib = 2 ** 20

/** A guest that QEMU has booted without nbsvm, and whose state it has written in both ways that it has. */
export interface States {
  readonly world: World
  readonly line: string
  readonly file: string
}

export async function boots(world: World, options: readonly string[]): Promise<States> {
  const folder = folderOf(world, 'states')
  const file = path.join(folder, 'state')
  world.run('qemu-img', 'create', '-q', '-f', 'qcow2', path.join(folder, 'drive.qcow2'), '64M')
  const quoted = options.map((word) => `'${word}'`).join(' ')
  const line =
    `qemu-system-x86_64 -nodefaults -machine q35 -accel tcg -cpu max -m 256M -display none ${quoted}` +
    ' -drive file=drive.qcow2,format=qcow2,if=virtio -device virtio-rng-pci -device virtio-balloon-pci' +
    ' -qmp unix:qmp.sock,server=on,wait=off -serial unix:console.sock,server=on,wait=off'
  const { qmp, end } = await runQemu(world, 'states', line)
  await answered(folder, true)
  await qmp.ask('human-monitor-command', { 'command-line': 'savevm one' })
  await qmp.ask('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] })
  const over = qmp.event('MIGRATION', 'completed')
  // As fast as it goes.
  await qmp.ask('migrate-set-parameters', { 'max-bandwidth': 64 * 1024 * mib })
  await qmp.ask('migrate', { uri: `exec:cat >${file}` })
  await over
  await end()
  return { world, line, file }
}

/** From a snapshot in its qcow2 file, until its guest answers. */
export async function fromLoadvm({ world, line }: States): Promise<number> {
  return timeStates(world, `${line} -loadvm one`)
}

export async function fromMigration({ world, line, file }: States): Promise<number> {
  return timeStates(world, `${line} -incoming 'exec:cat ${file}'`)
}

async function timeStates(world: World, line: string): Promise<number> {
  const { began, folder, qmp, end } = await runQemu(world, 'states', line)
  const { status } = (await qmp.ask('query-status')) as { readonly status: string }
  if (status !== 'running') await qmp.event('RESUME')
  const ms = (await answered(folder, false)) - began
  await end()
  return ms
}

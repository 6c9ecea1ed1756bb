// QEMU without nbsvm, in a folder of its own.
import { spawn } from 'node:child_process'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { Qmp } from './answer.js'
import type { World } from './world.js'

/** A QEMU that was run in a folder of its own. */
export interface Running {
  readonly began: number
  readonly folder: string
  readonly qmp: Qmp
  readonly end: () => Promise<void>
}

export async function runQemu(world: World, name: string, line: string): Promise<Running> {
  const folder = folderOf(world, name)
  for (const socket of ['qmp.sock', 'console.sock']) rmSync(path.join(folder, socket), { force: true })
  const began = performance.now()
  const qemu = spawn('bash', ['-c', `exec ${line}`], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], ...world.as })
  const gone = new Promise<void>((resolve) => qemu.once('exit', () => resolve()))
  const qmp = await Qmp.open(folder, 'qmp.sock')
  await qmp.ask('query-status')
  const end = async (): Promise<void> => {
    qemu.kill('SIGKILL')
    await gone
    qmp.close()
  }
  return { began, folder, qmp, end }
}

export function folderOf({ folder, as }: World, name: string): string {
  const own = path.join(folder, 'raw', name)
  for (const one of [path.dirname(own), own]) {
    mkdirSync(one, { recursive: true })
    if (as.uid !== undefined) chownSync(one, as.uid, as.gid ?? as.uid)
  }
  return own
}

// What a line of the table of verbs needs before it, made by lines that must work, and what is so after it, by files and processes alone.
import fs from 'node:fs'
import path from 'node:path'
import { stat } from '../src/sys/file.js'
import { hasOpen } from '../src/sys/process.js'
import { foldersIn, programsOf } from '../test/support/remains.js'
import type { Stage } from './stage.js'
import { orphansIn } from './world.js'

export const running = async (stage: Stage): Promise<void> => {
  const { works, runs } = stage
  if (runs('web')) await works('web', 'resume')
  else await works('web', 'start', '--if-needed', 'resume')
  // Else there are no states of it.
  if (isAttached(stage)) await works('web', 'detach', disk(stage))
}
export const off = async ({ works, runs, states }: Stage): Promise<void> => {
  if (states().some((name) => name === 'saved' || name === 'rollback')) await works('web', 'start', '--if-needed')
  if (runs('web')) await works('web', 'stop')
}
/** With RAM of its own: of one that goes on from a state nothing of it can be given back. */
export const booted = async (stage: Stage): Promise<void> => {
  await off(stage)
  await running(stage)
}
export const saved = async (stage: Stage): Promise<void> => {
  if (stage.states().includes('saved') && !stage.runs('web')) return
  await running(stage)
  await stage.works('web', 'save')
}
export const without = async (stage: Stage, id = 't'): Promise<void> => {
  const { world, works, drives, runs } = stage
  if (runs(id)) await works(id, 'stop')
  const isThere = drives(id).length > 0 || ['vms', 'state'].some((name) => fs.existsSync(path.join(world.folder, name, id)))
  if (isThere) await works(id, 'rm', '--yes')
}
export const withDrive = async (stage: Stage): Promise<void> => {
  if (stage.runs('t')) await stage.works('t', 'stop')
  if (stage.drives('t').length === 0) await stage.works('t', 'drive_size=4M', 'newimg')
}
export const template = async (stage: Stage): Promise<void> => {
  await without(stage)
  await running(stage)
  if (!hasTemplate(stage)) await stage.works('web', 'freeze')
}
export const checkpoint = async (stage: Stage, name: string): Promise<void> => {
  await running(stage)
  if (!stage.states('checkpoints').includes(name)) await stage.works('web', 'checkpoint', name)
}
export const noCheckpoint = async (stage: Stage, name: string): Promise<void> => {
  await running(stage)
  if (stage.states('checkpoints').includes(name)) await stage.works('web', 'checkpoints', `--rm=${name}`)
}
export const keptImages = ({ world }: Stage): string[] => {
  const folder = path.join(world.folder, 'images')
  return fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^sha\d+-[0-9a-f]+$/.test(name)) : []
}
export const withImage = async (stage: Stage): Promise<void> => {
  await without(stage)
  if (keptImages(stage).length === 0) await stage.works('t', `image=${stage.image}`, 'newimg', 'rm', '--yes')
}
export const withoutImage = async (stage: Stage): Promise<void> => {
  await without(stage)
  if (keptImages(stage).length > 0) await stage.works('images', 'prune')
}
/** gold as one file, made by export, and one that export is to make. */
export const archive = ({ world }: Stage): string => path.join(world.outside, 'gold.archive')
export const exported = ({ world }: Stage): string => path.join(world.outside, 'exported.archive')
export const withArchive = async (stage: Stage): Promise<void> => {
  await without(stage)
  if (!fs.existsSync(archive(stage))) await stage.works('gold', 'export', archive(stage))
}
/** The folder of backups, and those of a VM in it. */
export const backupsFolder = ({ world }: Stage): string => path.join(world.outside, 'backups')
export const backupsOf = (stage: Stage, id: string): string[] =>
  foldersIn(path.join(backupsFolder(stage), id)).filter((name) => /^\d{8}T/.test(name))
/** All that are there are whole, whatever was cut off. */
export const verified = async (stage: Stage, id: string): Promise<void> => {
  fs.mkdirSync(backupsFolder(stage), { recursive: true })
  if (backupsOf(stage, id).length > 0) await stage.works(id, 'backups', backupsFolder(stage), '--verify')
}
export const withBackup = async (stage: Stage): Promise<void> => {
  await verified(stage, 'gold')
  if (backupsOf(stage, 'gold').length === 0) await stage.works('gold', 'backup', backupsFolder(stage))
}
/** A disk of its own that web is given. */
export const disk = ({ world }: Stage): string => path.join(world.outside, 'disk.raw')
/** Whether a program of the home, QEMU, has it open: root's QEMU by another name, which is gone. */
export const isAttached = (stage: Stage): boolean => {
  const file = stat(disk(stage))
  return file !== undefined && programsOf(stage.world.folder).some(({ pid }) => hasOpen(pid, file))
}
export const withDisk = async (stage: Stage): Promise<void> => {
  await running(stage)
  // A power cut may have left an empty one.
  if (stat(disk(stage))?.size !== 2 ** 20) fs.writeFileSync(disk(stage), Buffer.alloc(2 ** 20))
}
export const attached = async (stage: Stage): Promise<void> => {
  await withDisk(stage)
  await stage.works('web', 'attach', disk(stage))
}
/** What puts a state in order that was cut off: what its user would type next. */
export async function settle({ world, works, states }: Stage): Promise<void> {
  // What a killed nbsvm has set off puts some of it in order by itself.
  await orphansIn(world)
  if (states().includes('rollback')) await works('web', 'start', '--if-needed')
  await works('web', 'freeze', '--settle')
  if (fs.existsSync(path.join(world.folder, 'vms/t'))) await works('t', 'stop', 'rm', '--yes')
}
export const hasTemplate = ({ states }: Stage): boolean => states().some((name) => name.startsWith('template-'))
export const made = ({ drives }: Stage): boolean => drives('t').length > 0
export const isRunning = ({ runs }: Stage): boolean => runs('web')
export const isOff = ({ runs }: Stage): boolean => !runs('web')

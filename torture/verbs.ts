// Every verb that changes something on this machine, and what it needs to be tried: one row each. Kills, crash points, full disks, the mix and the month
// all go over this table, so a new verb is tried by all of them with its row here.
import fs from 'node:fs'
import {
  archive,
  attached,
  backupsFolder,
  backupsOf,
  booted,
  checkpoint,
  disk,
  exported,
  hasTemplate,
  isAttached,
  isOff,
  isRunning,
  keptImages,
  made,
  noCheckpoint,
  off,
  running,
  saved,
  template,
  verified,
  withArchive,
  withBackup,
  withDisk,
  withDrive,
  withImage,
  without,
  withoutImage,
} from './needs.js'
import type { Stage } from './stage.js'

export interface Verb {
  /** As it is told. */
  readonly name: string
  /** The action or command (`src/action`) that it tries. */
  readonly verb: string
  /** Makes what it needs, by lines that must work. */
  readonly ready: (stage: Stage) => Promise<unknown>
  readonly words: (stage: Stage) => readonly string[]
  /** Whether what it asks for has been done, by files and processes alone. Left out where they do not tell. */
  readonly isDone?: (stage: Stage) => boolean
  /** It keeps or takes states: what was cut off is settled by the VM's next command. */
  readonly isOfStates?: boolean
}

const makes = (name: string, verb: string, words: (stage: Stage) => readonly string[], also = running): Verb => ({
  name,
  verb,
  ready: async (stage) => {
    await without(stage)
    await also(stage)
  },
  words: (stage) => ['t', ...words(stage), verb],
  isDone: made,
})

const nothing = (): Promise<void> => Promise.resolve()

export const verbs: readonly Verb[] = [
  makes('newimg', 'newimg', () => ['drive_size=4M'], nothing),
  makes('newimg from an image', 'newimg', ({ image }) => [`image=${image}`], withoutImage),
  makes('snapshot', 'snapshot', () => ['gold=gold'], nothing),
  makes('snapshot of a VM that runs', 'snapshot', () => ['gold=web']),
  makes('snapshot of a file', 'snapshot', ({ image }) => [`source=${image}`], nothing),
  makes('clone', 'clone', () => ['gold=gold'], nothing),
  makes('clone of a VM that runs', 'clone', () => ['gold=web']),
  makes('clone of a file', 'clone', ({ seed }) => [`source=${seed}`], nothing),
  { name: 'start', verb: 'start', ready: off, words: () => ['web', 'start'], isDone: isRunning },
  { name: 'stop', verb: 'stop', ready: running, words: () => ['web', 'stop'], isDone: isOff },
  // Its guest does not listen, which is told.
  { name: 'shutdown', verb: 'shutdown', ready: running, words: () => ['web', 'timeout=1', 'shutdown'] },
  { name: 'reset', verb: 'reset', ready: running, words: () => ['web', 'reset'] },
  { name: 'pause', verb: 'pause', ready: running, words: () => ['web', 'pause'] },
  {
    name: 'resume',
    verb: 'resume',
    ready: async (stage) => {
      await running(stage)
      await stage.works('web', 'pause')
    },
    words: () => ['web', 'resume'],
  },
  { name: 'balloon', verb: 'balloon', ready: booted, words: () => ['web', 'balloon', '32M'] },
  { name: 'resize', verb: 'resize', ready: withDrive, words: () => ['t', 'resize', '+1M'] },
  { name: 'resize of a VM that runs', verb: 'resize', ready: running, words: () => ['web', 'resize', '+64K'] },
  { name: 'attach', verb: 'attach', ready: withDisk, words: (stage) => ['web', 'attach', disk(stage)], isDone: isAttached },
  {
    name: 'detach',
    verb: 'detach',
    ready: attached,
    words: (stage) => ['web', 'detach', disk(stage)],
    isDone: (stage) => !isAttached(stage),
  },
  {
    name: 'rm',
    verb: 'rm',
    ready: withDrive,
    words: () => ['t', 'rm', '--yes'],
    isDone: (stage) => !made(stage),
  },
  {
    name: 'rm of a snapshot',
    verb: 'rm',
    ready: async (stage) => {
      await without(stage)
      await stage.works('t', 'gold=gold', 'snapshot')
    },
    words: () => ['t', 'rm', '--yes'],
    isDone: (stage) => !made(stage),
  },
  {
    name: 'rm-drive',
    verb: 'rm-drive',
    ready: withDrive,
    words: () => ['t', 'rm-drive', '0', '--yes'],
    isDone: (stage) => !made(stage),
  },
  {
    name: 'images pull',
    verb: 'images',
    ready: withoutImage,
    words: ({ image }) => ['images', 'pull', image],
    isDone: (stage) => keptImages(stage).length > 0,
  },
  {
    name: 'images rm',
    verb: 'images',
    ready: withImage,
    words: ({ image }) => ['images', 'rm', image],
    isDone: (stage) => keptImages(stage).length === 0,
  },
  {
    name: 'images prune',
    verb: 'images',
    ready: withImage,
    words: () => ['images', 'prune'],
    isDone: (stage) => keptImages(stage).length === 0,
  },
  {
    name: 'export',
    verb: 'export',
    ready: (stage) => {
      fs.rmSync(exported(stage), { force: true })
      return nothing()
    },
    words: (stage) => ['gold', 'export', exported(stage)],
    isDone: (stage) => fs.existsSync(exported(stage)),
  },
  { name: 'import', verb: 'import', ready: withArchive, words: (stage) => ['t', 'import', archive(stage)], isDone: made },
  {
    name: 'backup of a VM that runs',
    verb: 'backup',
    ready: async (stage) => {
      await running(stage)
      await verified(stage, 'web')
    },
    words: (stage) => ['web', 'backup', backupsFolder(stage), '--keep=3'],
  },
  {
    name: 'backups --rm',
    verb: 'backups',
    ready: withBackup,
    words: (stage) => ['gold', 'backups', backupsFolder(stage), `--rm=${backupsOf(stage, 'gold').at(-1) ?? ''}`],
    isDone: (stage) => backupsOf(stage, 'gold').length === 0,
  },
  {
    name: 'restore',
    verb: 'restore',
    ready: async (stage) => {
      await without(stage)
      await withBackup(stage)
    },
    words: (stage) => ['t', 'restore', backupsFolder(stage), '--from=gold', '--yes'],
    isDone: made,
  },
  {
    name: 'freeze',
    verb: 'freeze',
    isOfStates: true,
    ready: async (stage) => {
      await running(stage)
      if (hasTemplate(stage)) await stage.works('web', 'freeze', '--rm')
    },
    words: () => ['web', 'freeze'],
    isDone: hasTemplate,
  },
  {
    name: 'freeze --rm',
    verb: 'freeze',
    isOfStates: true,
    ready: template,
    words: () => ['web', 'freeze', '--rm'],
    isDone: (stage) => !hasTemplate(stage),
  },
  {
    name: 'fork',
    verb: 'fork',
    isOfStates: true,
    ready: template,
    words: () => ['t', 'gold=web', 'identity=no', 'fork'],
    isDone: ({ runs }) => runs('t'),
  },
  {
    name: 'checkpoint',
    verb: 'checkpoint',
    isOfStates: true,
    ready: (stage) => noCheckpoint(stage, 'now'),
    words: () => ['web', 'checkpoint', 'now'],
    isDone: ({ states }) => states('checkpoints').includes('now'),
  },
  {
    name: 'checkpoints --rm',
    verb: 'checkpoints',
    isOfStates: true,
    ready: (stage) => checkpoint(stage, 'gone'),
    words: () => ['web', 'checkpoints', '--rm=gone'],
    isDone: ({ states }) => !states('checkpoints').includes('gone'),
  },
  {
    name: 'rollback',
    verb: 'rollback',
    isOfStates: true,
    ready: (stage) => checkpoint(stage, 'first'),
    words: () => ['web', 'rollback', 'first', '--yes'],
  },
  {
    name: 'save',
    verb: 'save',
    isOfStates: true,
    ready: running,
    words: () => ['web', 'save'],
    isDone: (stage) => isOff(stage) && stage.states().includes('saved'),
  },
  {
    name: 'start of one that is saved',
    verb: 'start',
    isOfStates: true,
    ready: saved,
    words: () => ['web', 'start'],
    isDone: (stage) => isRunning(stage) && !stage.states().includes('saved'),
  },
]

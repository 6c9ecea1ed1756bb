// The files of this machine that a line for another one names: brought there before it is run, and what it has made brought here.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { formatSize } from '../core/size.js'
import { loginKeys } from '../guest/keys.js'
import { pack, packMade, type Owner } from '../guest/pack.js'
import { sshKeys } from '../config/quantity.js'
import type { Machine } from '../remote/connection.js'
import type { Mirrored } from '../remote/command.js'
import { makeMirror, type Mirror } from '../remote/mirror.js'
import { homeFolder } from '../sys/environment.js'
import { stat } from '../sys/file.js'
import { nameOf, textOf, type Name } from '../sys/tree.js'
import { fetchInto } from '../vm/reach/cp.js'
import { scriptThere, settingThere, stepThere, type OwnFiles } from './ownfiles.js'
import type { RemoteLine } from './parse.js'

export interface Traveller extends Caller {
  /** Draws how far it is. */
  readonly progress: (line: string | undefined) => void
}

/** The absolute path of a file that the user names. */
export function pathHere(file: string): string {
  return path.resolve(file.replace(/^~(?=\/)/, homeFolder()))
}

function keysHere(value: string): string[] {
  return loginKeys(sshKeys.parse(value), homeFolder())
}

/** The words for a machine where the caller's files are below `root`. Throws a Failure for an `ssh_key` that is none. */
export function wordsThere({ settings, steps }: RemoteLine['written'], root: string): { settings: string[]; steps: string[][] } {
  return {
    settings: settings.map((pair) => settingThere(pair, { root, at: pathHere, keys: keysHere })),
    steps: steps.map((words) => stepThere(words, root)),
  }
}

/**
 * Gives `work` the place on a machine where the files of a line are, and then brings here what was made there, however `work` ended;
 * what was brought there is removed in any case.
 */
export async function withFiles<T>(
  machine: Machine,
  files: OwnFiles | undefined,
  caller: Traveller,
  work: (mirror: Mirrored) => Promise<T>,
): Promise<T> {
  if (files?.brought.includes('/') === true) throw new Failure('/ as a whole cannot be copied')
  // What is a folder now takes in what comes.
  const fetched = files?.fetched.flatMap(placesOf) ?? []
  const mirror = await makeMirror(machine, caller)
  try {
    await bring(machine, mirror, files ?? nothing, caller)
    const stdin = files?.input === undefined ? {} : { stdin: inputFile }
    const result = await work({ root: mirror.root, folder: path.resolve(), ...stdin })
    await fetchAll(mirror, fetched, caller)
    return result
  } finally {
    caller.progress(undefined)
    await mirror.remove()
  }
}

/** The caller's folder alone. */
const nothing: OwnFiles = { brought: [], scripts: [], fetched: [], input: undefined }

interface Place {
  readonly parent: string
  readonly name: string
}

function placesOf({ to, names }: OwnFiles['fetched'][number]): Place[] {
  const isFolder = names.length > 0 && stat(to)?.isDirectory() === true
  return isFolder ? names.map((name) => ({ parent: to, name })) : [{ parent: path.dirname(to), name: path.basename(to) }]
}

async function bring(machine: Machine, mirror: Mirror, files: OwnFiles, { note, progress, signal }: Traveller): Promise<void> {
  let done = 0
  const input = function* (): Generator<Buffer> {
    for (const piece of archive(mirror, files, (text) => note?.(text))) {
      signal?.throwIfAborted()
      yield piece
      progress(`${formatSize((done += piece.length))} brought to ${machine.host}`)
    }
  }
  await mirror.shell({ text: 'exec tar -xpf - -C "$1"', words: [mirror.root], input }).catch((error: unknown) => {
    if (!/Wrote only|No space left|quota/i.test(error instanceof Failure ? error.message : '')) throw error
    throw new Failure(`${machine.host} has no room for these files`, {
      cause: error,
      hints: ['they are there as long as the line runs, in $TMPDIR, else /var/tmp'],
    })
  })
  progress(undefined)
}

function inArchive(file: string): Name {
  return nameOf(file).replace(/^\/+/, '')
}

/** Where stdin is, beside the caller's files. */
const inputFile = '/.nbsvm-stdin'

/** All of it, with the folders that are here, so that nbsvm there finds and misses what it would find and miss here. */
function* archive(
  { root, owner }: Mirror,
  { brought, scripts, fetched, input }: OwnFiles,
  note: (text: string) => void,
): Generator<Buffer> {
  const going = [...brought, ...scripts.map(({ file }) => file)]
  const places = [path.resolve(), ...fetched.map(({ to }) => to), ...going.map((file) => path.dirname(file))]
  const folders = new Set(places.map((place) => inArchive(nearestFolder(place))))
  yield* made(folders, owner)
  for (const { file, lines } of scripts) yield* packMade({ name: inArchive(file), content: scriptThere(lines, root) }, owner)
  if (input !== undefined) yield* packMade({ name: inArchive(inputFile), content: input }, owner)
  const found = brought.filter((file) => stat(file) !== undefined)
  yield* pack(
    found.map((file) => ({ at: nameOf(file), name: inArchive(file) })),
    owner,
    (name) => note(`left out, as it is no file, folder or link: ${textOf(name)}`),
  )
}

function* made(folders: ReadonlySet<Name>, owner: Owner): Generator<Buffer> {
  for (const name of folders) if (name !== '') yield* packMade({ name }, owner)
}

function nearestFolder(file: string): string {
  return stat(file)?.isDirectory() === true ? file : nearestFolder(path.dirname(file))
}

/** Says, a line each, whether something is there. */
const whichScript = 'for at; do if [ -e "$at" ]; then echo yes; else echo no; fi; done'

async function fetchAll(mirror: Mirror, places: readonly Place[], caller: Traveller): Promise<void> {
  if (places.length === 0) return
  const there = ({ parent, name }: Place): string => mirror.root + path.join(parent, name)
  let said = ''
  await mirror.shell({ text: whichScript, words: places.map(there), take: (piece) => (said += piece.toString('latin1')) })
  const isMade = said.split('\n').map((line) => line === 'yes')
  const onBytes = (doneBytes: number): void => caller.progress(`${formatSize(doneBytes)} brought here`)
  const note = (text: string): void => caller.note?.(text.replaceAll(mirror.root, ''))
  for (const [at, place] of places.entries()) {
    if (isMade[at] === true) await fetchInto(mirror.shell, there(place), place, { ...caller, note, onBytes })
  }
}

// A VM from one disk image, whatever made it.
import { liveDrives } from '../drive/live.js'
import type { Vm } from '../record/vm.js'
import type { OnProgress, Source, Store } from '../../store/store.js'
import { probe } from '../../store/common/probe.js'
import type { Caller } from '../../core/caller.js'
import { freshRecord } from './believed.js'
import type { Imported } from './importfile.js'
import { makeNew, noteOwnFile, requireFree, type Importing } from './makenew.js'

export interface Given {
  /** Where it is, links followed. */
  readonly file: string
  /** As the user called it. */
  readonly called: string
}

interface Copying extends Caller {
  readonly onProgress?: OnProgress | undefined
}

/** Makes a VM whose first drive is a copy of the image. */
export async function importDisk(asked: Vm, { file, called }: Given, importing: Importing & Copying): Promise<Imported> {
  requireFree(asked)
  const source = await foreignSource(file, called, importing)
  noteOwnFile(asked, importing.note)
  const fill = (vm: Vm, store: Store): Promise<void> => copyInto(vm, store, source, importing)
  const added = await makeNew(asked, { from: called, record: freshRecord(asked), settings: {}, drives: [], fill }, importing)
  return { id: asked.id, added }
}

const hints = ['nothing is read that an image names; join them where it comes from: qemu-img convert -O qcow2 IMAGE NEW.qcow2']

/** An image from elsewhere, looked at: its format is what its bytes say, and it holds everything itself. */
export async function foreignSource(file: string, called: string, { note }: Caller): Promise<Source> {
  const { image } = await probe(file, false, note, hints)
  return { name: called, image }
}

/** Makes the VM's next drive as a copy. */
export async function copyInto(
  { place, id }: Vm,
  store: Store,
  source: Source,
  { note, onProgress, signal }: Copying,
): Promise<void> {
  await store.clone(id, source, {
    live: liveDrives(place, store.layers),
    ...(note === undefined ? {} : { onNote: note }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  })
}

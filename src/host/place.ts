import path from 'node:path'
import type { SettingTexts } from '../config/fold.js'
import type { Folders } from '../config/layers.js'
import type { Environment } from '../sys/environment.js'

/** Where nbsvm keeps things: all of it under `NBSVM_HOME` where that is set, else the system's for root and XDG's for a user. */
export interface Place {
  /** One drawer a VM: what exists while it runs, and its logs. */
  readonly state: string
  /** One folder a VM: what must not be lost. */
  readonly records: string
  /** Drives of the `dir` store. */
  readonly drives: string
  /** Images that drives are made from, by their digests. */
  readonly images: string
  /** Settings files; root has only the system's. */
  readonly config: Folders
  /** What was found out about this host and its QEMU, kept so that `start` does not pay for it again. */
  readonly hostCache: string
  /** nbsvm's own code as V8 compiled it. */
  readonly compiled: string
}

/** What the settings of a VM are read from, besides its files. */
export interface Outside {
  readonly place: Place
  readonly environment: Environment
  readonly vmClass: string | undefined
  /** Settings in place, from the command line. */
  readonly line: SettingTexts
}

export function findPlace(environment: Environment, isRoot: boolean, home: string): Place {
  const own = environment['NBSVM_HOME']
  if (own) return place(path.resolve(own, 'state'), path.resolve(own), path.resolve(own, 'config'), undefined)
  if (isRoot) return place('/var/lib/nbsvm', '/var/lib/nbsvm', '/etc/nbsvm', undefined)
  // The XDG specification tells to ignore relative paths: https://specifications.freedesktop.org/basedir-spec/latest/
  const xdg = (name: string, usual: string): string => {
    const value = environment[name]
    return path.join(value?.startsWith('/') ? value : path.join(home, usual), 'nbsvm')
  }
  const data = xdg('XDG_DATA_HOME', '.local/share')
  return place(xdg('XDG_STATE_HOME', '.local/state'), data, xdg('XDG_CONFIG_HOME', '.config'), '/etc/nbsvm')
}

/** What stands in the folder of data, which as root is that of drawers too: no VM can be called so. */
export const dataFolders: readonly string[] = ['drives', 'vms', 'images']

function place(state: string, data: string, userFolder: string, systemFolder: string | undefined): Place {
  // A home that is written relative leads to one place for all that nbsvm runs, wherever that works.
  return {
    state: path.resolve(state),
    records: path.resolve(data, 'vms'),
    drives: path.resolve(data, 'drives'),
    images: path.resolve(data, 'images'),
    config: { userFolder, systemFolder },
    hostCache: path.resolve(state, '.host.json'),
    compiled: path.resolve(state, '.compiled'),
  }
}

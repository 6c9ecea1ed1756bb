import path from 'node:path'
import type { SettingTexts } from '../config/fold.js'
import type { Folders } from '../config/layers.js'
import type { Environment } from '../sys/environment.js'

/** Where nbsvm keeps things: all of it under `NBSVM_HOME` where that is set, else the system's for root and XDG's for a user. */
export interface Place {
  /** One drawer a VM: what exists while it runs, and its logs. */
  readonly state: string
  /** Drives of the `dir` store. */
  readonly drives: string
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
  if (own) return place(path.resolve(own, 'state'), path.resolve(own, 'drives'), path.resolve(own, 'config'), undefined)
  if (isRoot) return place('/var/lib/nbsvm', '/var/lib/nbsvm/drives', '/etc/nbsvm', undefined)
  // The XDG specification tells to ignore relative paths: https://specifications.freedesktop.org/basedir-spec/latest/
  const xdg = (name: string, usual: string): string => {
    const value = environment[name]
    return path.join(value?.startsWith('/') ? value : path.join(home, usual), 'nbsvm')
  }
  const drives = path.join(xdg('XDG_DATA_HOME', '.local/share'), 'drives')
  return place(xdg('XDG_STATE_HOME', '.local/state'), drives, xdg('XDG_CONFIG_HOME', '.config'), '/etc/nbsvm')
}

function place(state: string, drives: string, userFolder: string, systemFolder: string | undefined): Place {
  return {
    state,
    drives,
    config: { userFolder, systemFolder },
    hostCache: path.join(state, '.host.json'),
    compiled: path.join(state, '.compiled'),
  }
}

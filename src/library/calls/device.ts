// What comes and goes while a VM runs.
import { attachTo, detachFrom, type AttachOptions } from '../../vm/reach/attach.js'
import { balloonTo } from '../../vm/reach/balloon.js'
import { ejectDisc, type EjectOptions } from '../../vm/reach/disc.js'
import type { Call } from './call.js'
import { callerOf, opened, running } from './opened.js'

export const calls = {
  attach: async (call: Call, what: string, options: AttachOptions) => attachTo(await opened(call), what, options, callerOf(call)),
  detach: async (call: Call, what: string) => detachFrom(await running(call), what, callerOf(call)),
  eject: async (call: Call, options: EjectOptions) => ejectDisc(await running(call), options, callerOf(call)),
  balloon: async (call: Call, wantedBytes: number) => balloonTo(await running(call), wantedBytes, callerOf(call)),
}

// What takes a VM to another machine.
import { generate } from '../../core/generate.js'
import { parseDestination } from '../../core/target.js'
import { disableVm, unitHost } from '../../service/enable.js'
import { usualDowntimeMs } from '../../vm/move/going.js'
import type { Leaving } from '../../vm/move/leave.js'
import { moveVm, settle, type Moved } from '../../vm/move/move.js'
import { receiveVm, type Received } from '../../vm/move/receive.js'
import { sendVm } from '../../vm/move/send.js'
import type { Vm } from '../../vm/record/vm.js'
import type { Call } from './call.js'
import { callerOf, opened, outsideOf } from './opened.js'

export const calls = {
  async move(call: Call, host: string, downtimeMs = usualDowntimeMs): Promise<Moved> {
    const vm = await opened(call, { needs: 'nothing' })
    const onProgress = call.told('onProgress') ?? (() => {})
    const leaving = { ...leavingOf(vm, call), outside: outsideOf(call), onProgress }
    return moveVm(vm, { ...parseDestination(host), downtimeMs }, leaving)
  },
  async settleMove(call: Call, keep: boolean): Promise<Moved | null> {
    const vm = await opened(call, { needs: 'nothing' })
    return (await settle(vm, leavingOf(vm, call), { keep })) ?? null
  },
  async receive(call: Call): Promise<Received> {
    const vm = await opened(call, { needs: 'nothing' })
    const { input = nothing() } = call
    return receiveVm(vm, { ...callerOf(call), input, answer: () => {}, outside: outsideOf(call) })
  },
}

export const streams = {
  async *send(call: Call): AsyncGenerator<Buffer, void> {
    const vm = await opened(call)
    const onProgress = call.told('onProgress') ?? (() => {})
    yield* generate<Buffer>((write) => sendVm(vm, { ...callerOf(call), write, onProgress }))
  },
}

/** It shall not start with this machine any more. */
function leavingOf(vm: Vm, call: Call): Leaving {
  return { ...callerOf(call), beforeRemoval: async () => void (await disableVm(vm, unitHost(outsideOf(call)))) }
}

async function* nothing(): AsyncGenerator<Buffer, void> {}

// Typing at a VM's serial port for a program, at the pace of a terminal.
import { eitherSignal } from '../core/caller.js'
import { tryLock } from '../sys/lock.js'
import { pause } from '../sys/clock.js'
import { attachedAlready, reach } from './attach.js'
import type { Attachment } from './relay.js'

/** So much is sent at a time: what the guest's UART holds (16550A). */
const burstBytes = 16

/** With bursts of 16 bytes that is 64 kbit/s: a guest that reads by interrupts loses nothing, whatever its own buffers are. */
const burstMs = 2

export interface Typing extends Pick<Attachment, 'id' | 'socketPath' | 'lockPath'> {
  readonly bytes: Buffer
  /** How long the guest may take until it has read all. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Types. Resolves to whether QEMU has handed all to the guest's UART in time. What the guest says meanwhile is in the log. Throws a
 * Failure that tells who is attached where somebody is.
 */
export async function typeBytes({ id, socketPath, lockPath, bytes, timeoutMs, signal }: Typing): Promise<boolean> {
  const lock = tryLock(lockPath)
  if (lock === undefined) throw attachedAlready({ id, kind: 'console', lockPath })
  try {
    const { socket, listen } = await reach({ id, kind: 'console', socketPath })
    // It must be read: else the guest would wait once the socket is full.
    listen(() => true)
    const closed = new Promise<'closed'>((resolve) => socket.on('error', () => {}).once('close', () => resolve('closed')))
    try {
      for (let at = 0; at < bytes.length; at += burstBytes) {
        socket.write(bytes.subarray(at, at + burstBytes))
        await pause(burstMs, signal)
      }
      // QEMU closes its end when it has read to ours, which it does only as the guest takes it.
      socket.end()
      const late = new AbortController()
      const waited = pause(timeoutMs, eitherSignal(late.signal, signal))
      const how = await Promise.race([closed, waited])
      late.abort()
      await waited.catch(() => {})
      return how === 'closed'
    } finally {
      socket.destroy()
    }
  } finally {
    lock.release()
  }
}

// The banner of a guest's ssh, which is what shows that it is there: a port takes connections, by QEMU or passt, before the guest listens.
import { eitherSignal, type Caller } from '../../core/caller.js'
import { monotonicMs, pause } from '../../sys/clock.js'
import { readRegular, writeInto } from '../../sys/file.js'
import { firstBytes } from '../../sys/socket.js'
import type { Vm } from '../record/vm.js'
import { addressesOf, type Address } from './address.js'

/**
 * A question stays open until passt closes it, as it does after 10 s without an answer (SYN_TIMEOUT in its tcp.c). One that we close
 * before keeps the passt of Debian 12 at full speed for what is left of them, and the guest that is asked boots the slower.
 */
const patienceMs = 12_000

/**
 * What was sent before the guest had a network is lost, so it is asked anew. Not so often that an sshd that gets all that is open at
 * once takes it for too much: of 10 without a login it begins to close some (MaxStartups in sshd_config(5)).
 */
const anewMs = 2000

/**
 * sshd (OpenSSH 9.8) holds a connection without a login against who makes it, a second each, and from 15 of them on refuses all that
 * come from there (PerSourcePenalties in sshd_config(5)). So where a line is about to log in, one that has just answered is not asked.
 */
const recentMs = 3000

/** As any client of ssh says first. passt (2023, of Debian 12) lets a guest know of a connection only when its client says something. */
const greeting = 'SSH-2.0-nbsvm\r\n'

/**
 * Whether the guest's ssh says its banner now. Rejects with a Failure where the VM does not run, or nothing leads to it.
 */
export async function sshAnswers(vm: Vm, { signal }: Caller = {}): Promise<boolean> {
  return (await firstBanner(vm, patienceMs, signal)) !== undefined
}

/** Where the guest's ssh says its banner within `timeoutMs`, whichever of its addresses is the first. */
export async function firstBanner(vm: Vm, timeoutMs: number, signal: AbortSignal | undefined): Promise<Address | undefined> {
  const looks = (await addressesOf(vm)).map(async (address) => {
    const bytes = await firstBytes(address, { greeting, timeoutMs, signal, length: 'SSH-'.length })
    if (bytes.toString('latin1') === 'SSH-') return address
    throw new Error('it says something else')
  })
  const found = await Promise.any(looks).catch(() => {
    signal?.throwIfAborted()
    return undefined
  })
  if (found !== undefined) writeInto(vm.drawer.answered, `${monotonicMs()} ${found.port} ${found.host}`)
  return found
}

/** Where the guest's ssh has answered in the last three seconds. */
export function recentAnswer({ drawer }: Vm): Address | undefined {
  const [at, port, host] = readRegular(drawer.answered, 200)?.split(' ') ?? []
  const agoMs = monotonicMs() - Number(at)
  return host !== undefined && agoMs >= 0 && agoMs < recentMs ? { host, port: Number(port) } : undefined
}

export interface BannerQuestions {
  /** Puts one more; resolves to where any of them is answered, or to undefined after two seconds, or as soon as one is not. */
  readonly ask: (caller?: Caller) => Promise<Address | undefined>
  /** Takes all back. */
  readonly close: () => void
}

/** For who waits until a guest answers. Its questions reject as `sshAnswers` does. */
export function bannerQuestions(vm: Vm): BannerQuestions {
  const over = new AbortController()
  let found: Address | undefined
  let failures: unknown[] = []
  let ended = new AbortController()
  const put = async (): Promise<void> => {
    try {
      found ??= await firstBanner(vm, patienceMs, over.signal)
    } catch (error) {
      failures.push(error)
    }
    ended.abort()
  }
  return {
    async ask({ signal } = {}) {
      ended = new AbortController()
      failures = []
      void put()
      await pause(anewMs, eitherSignal(ended.signal, signal)).catch(() => signal?.throwIfAborted())
      if (found === undefined && failures.length > 0) throw failures[0]
      return found
    },
    close: () => over.abort(),
  }
}

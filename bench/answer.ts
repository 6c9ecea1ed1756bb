// A QEMU that is spoken to: by QMP, and its guest at the serial port.
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves as soon as its processor runs, as its second QMP socket tells it. */
export async function untilRuns(run: string, failed: Promise<never>): Promise<void> {
  const qmp = await Promise.race([Qmp.open(run, 'jobs.sock'), failed])
  const resumed = qmp.event('RESUME')
  const { status } = (await Promise.race([qmp.ask('query-status'), failed])) as { readonly status: string }
  if (status !== 'running') await Promise.race([resumed, failed])
  qmp.close()
}

/** Resolves to when the guest has said what a sum is. */
export async function answered(run: string, boots: boolean): Promise<number> {
  const socket = await reach(run, 'console.sock')
  return new Promise((resolve, reject) => {
    let text = ''
    let isAsked = false
    // A serial port holds sixteen bytes.
    const ask = (): void => {
      isAsked = true
      socket.write('echo a$((6*7))\n')
    }
    if (!boots) ask()
    const late = setTimeout(() => reject(new Error(`the guest at ${run} says nothing of a sum: ${text.slice(-200)}`)), 120_000)
    socket.on('error', reject).on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (!isAsked && text.includes('guest# ')) ask()
      if (!text.includes('a42')) return
      clearTimeout(late)
      socket.destroy()
      resolve(performance.now())
    })
  })
}

/** Connects as soon as somebody listens; Node cuts the paths of sockets at 107 bytes. */
async function reach(folder: string, name: string): Promise<Socket> {
  for (const began = performance.now(); performance.now() - began < 120_000; await pause(0.5)) {
    if (!existsSync(path.join(folder, name))) continue
    process.chdir(folder)
    const socket = connect(name)
    const isThere = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    if (isThere === true) return socket
  }
  throw new Error(`nobody listens at ${name} in ${folder}`)
}

/** A client of QMP that believes all. */
export class Qmp {
  readonly #socket: Socket
  readonly #heard: ((message: Readonly<Record<string, unknown>>) => void)[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    let rest = ''
    socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        const lines = (rest + bytes.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const message = JSON.parse(line) as Readonly<Record<string, unknown>>
          for (const hear of this.#heard.slice()) hear(message)
        }
      })
  }

  static async open(folder: string, name: string): Promise<Qmp> {
    const qmp = new Qmp(await reach(folder, name))
    await qmp.ask('qmp_capabilities')
    return qmp
  }

  /** One at a time. */
  async ask(command: string, args: object = {}): Promise<unknown> {
    const answer = this.#next((message) => 'return' in message || 'error' in message)
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    const message = await answer
    if ('error' in message) throw new Error(`${command}: ${JSON.stringify(message['error'])}`)
    return message['return']
  }

  event(name: string, status?: string): Promise<unknown> {
    const isIt = (data: unknown): boolean => status === undefined || (data as { status?: string }).status === status
    return this.#next((message) => message['event'] === name && isIt(message['data']))
  }

  #next(isIt: (message: Readonly<Record<string, unknown>>) => boolean): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve) => {
      const hear = (message: Readonly<Record<string, unknown>>): void => {
        if (!isIt(message)) return
        this.#heard.splice(this.#heard.indexOf(hear), 1)
        resolve(message)
      }
      this.#heard.push(hear)
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

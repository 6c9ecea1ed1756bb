// Talking to a guest in tests: over its serial port, and through a real terminal (tmux) as a user does.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, type Socket } from '../src/sys/socket.js'
import { until } from './cli.js'

/** What `scripts/guest`'s Linux shows when it takes commands. */
export const guestPrompt = /guest# /

/** A TCP port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The serial port of a VM, from its `console.sock`: what comes is kept, and waited for in order. */
export class Serial {
  /** All that came since the connection. */
  text = ''
  #seen = 0
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => (this.text += text))
    socket.on('error', () => {})
  }

  static async open(file: string): Promise<Serial> {
    return new Serial(await connect(file))
  }

  send(text: string): void {
    this.#socket.write(text)
  }

  /** Waits for what comes after the last match. Returns all up to its end; throws, with what came, after `timeoutMs`. */
  async waitFor(pattern: RegExp, timeoutMs = 90_000): Promise<string> {
    let end = -1
    const isThere = (): boolean => {
      const match = pattern.exec(this.text.slice(this.#seen))
      end = match === null ? -1 : this.#seen + match.index + match[0].length
      return end >= 0
    }
    await until(() => `${String(pattern)} on the serial port, which says:\n${this.text.slice(-2000)}`, timeoutMs, isThere)
    const text = this.text.slice(this.#seen, end)
    this.#seen = end
    return text
  }

  /** Runs a command in the guest's shell, which is at its prompt, and returns what it printed. */
  async command(line: string, timeoutMs?: number): Promise<string> {
    this.send(`${line}\n`)
    const text = await this.waitFor(guestPrompt, timeoutMs)
    // The guest's shell asks for the cursor's position behind each prompt, and echoes the line.
    return text
      .replaceAll('\u001B[6n', '')
      .replaceAll('\r', '')
      .replace(/guest# $/, '')
      .replace(`${line}\n`, '')
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** A terminal that a user types into: one tmux server of its own, running a shell. */
export class Terminal {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-tmux-'))
  readonly #env: NodeJS.ProcessEnv

  constructor(env: NodeJS.ProcessEnv, size: { columns: number; rows: number } = { columns: 100, rows: 30 }) {
    this.#env = { ...env, TERM: 'xterm-256color' }
    const { columns, rows } = size
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      String(columns),
      '-y',
      String(rows),
      "env PS1='user$ ' bash --norc --noprofile",
    )
  }

  /** Types text as it is; `\n` is Enter. */
  type(text: string): void {
    for (const [at, line] of text.split('\n').entries()) {
      if (at > 0) this.key('Enter')
      if (line !== '') this.#tmux('send-keys', '-l', line)
    }
  }

  /** Presses a key by tmux's name for it: `C-]`, `Enter`, `Up`. */
  key(name: string): void {
    this.#tmux('send-keys', name)
  }

  /** The text on the screen, and what has scrolled off it. */
  screen(): string {
    return this.#tmux('capture-pane', '-p', '-S', '-1000')
  }

  /** Waits until the screen shows it; throws, with the screen, after `timeoutMs`. */
  async waitFor(pattern: RegExp, timeoutMs = 90_000): Promise<string> {
    try {
      await until(String(pattern), timeoutMs, () => pattern.test(this.screen()))
    } catch (error) {
      throw new Error(`the screen shows:\n${this.screen()}`, { cause: error })
    }
    return this.screen()
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  close(): void {
    this.#tmux('kill-server')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-S', path.join(this.#folder, 'socket'), ...args], { env: this.#env, encoding: 'utf8' })
  }
}

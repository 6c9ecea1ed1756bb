import { searchPath } from './file.js'
import { exitStatus, startFailure } from './process.js'

/**
 * Runs a program to its end, in a session of its own, so that Ctrl-C at this terminal does not reach it. What it says goes where this
 * process's own words go. Its stdin is a pipe that carries nothing, and ends when `signal` is aborted: that is how it is told. Returns
 * its exit status. Throws a Failure where it cannot be started.
 */
export function runApart(command: readonly string[], signal?: AbortSignal): Promise<number> {
  const [program = '', ...args] = command
  const { spawn } = process.getBuiltinModule('node:child_process')
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath().join(':') }
    const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'inherit', 'inherit'] })
    const end = (): void => void child.stdin.end()
    child.stdin.on('error', () => {})
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
    child.on('error', (error) => reject(startFailure(program, error)))
    child.on('close', (code, ended) => {
      signal?.removeEventListener('abort', end)
      resolve(exitStatus(code, ended))
    })
  })
}

// What runs and lies in a home, for tests that end nbsvm in its midst.
import fs from 'node:fs'
import path from 'node:path'

export interface Running {
  readonly pid: number
  /** Where it is at work, and what it is called: `~/state/web/run qemu-system-x86`. */
  readonly told: string
}

/** Programs of a home: those that are at work in it, or have it in their environment. */
export function programsOf(folder: string): Running[] {
  return fs
    .readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const place = fs.readlinkSync(`/proc/${pid}/cwd`)
        const isOurs = place.startsWith(folder) || fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder)
        const told = `${place.replace(folder, '~')} ${fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}`
        return isOurs ? [{ pid: Number(pid), told }] : []
      } catch {
        return []
      }
    })
}

/** The files that a process has open; none once it has ended. */
export function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  const seen = <T>(look: () => T[]): T[] => {
    try {
      return look()
    } catch {
      return []
    }
  }
  return seen(() => fs.readdirSync(folder)).flatMap((fd) => seen(() => [fs.readlinkSync(path.join(folder, fd))]))
}

/** What is wrong with the states that a VM's record holds: those that are none, and bases that are pinned for no state or not pinned for one. */
export function pinFaults(folder: string, id: string): string[] {
  const own = path.join(folder, 'vms', id)
  const left = fs.readdirSync(own).filter((name) => name.startsWith('.frozen') || name === 'rollback' || name.endsWith('.tmp'))
  const states = [
    ...foldersIn(own).filter((name) => name === 'saved' || name.startsWith('template-')),
    ...foldersIn(path.join(own, 'checkpoints')).map((name) => `checkpoints/${name}`),
  ]
  const wanted = states.flatMap((name) => {
    const { token, drives } = JSON.parse(fs.readFileSync(path.join(own, name, 'frozen.json'), 'utf8')) as {
      token: string
      drives: { base: string }[]
    }
    return drives
      .filter(({ base }) => base !== '')
      .map(({ base }) => `.pin-${/[0-9a-f]{16}/.exec(base)?.[0]}-frozen-${token}-${id}`)
  })
  const there = fs.readdirSync(path.join(folder, 'drives')).filter((name) => name.startsWith('.pin-') && name.endsWith(`-${id}`))
  return [
    ...left.map((name) => `${id} has ${name}`),
    ...there.filter((pin) => !wanted.includes(pin)).map((pin) => `${pin} is of no state`),
    ...wanted.filter((pin) => !there.includes(pin)).map((pin) => `${pin} is missing`),
  ]
}

/** The names of the folders in a folder; none where there is no such folder. */
export function foldersIn(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

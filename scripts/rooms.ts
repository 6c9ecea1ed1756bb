// Holds the rooms of src/ (ARCHITECTURE.md): imports point downward, rooms of one row never import each other, and nothing
// leads in a circle. `import`, `import type`, `export ... from` and `import()` all count.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** From the top down; within a row, no room knows the others. A file of src/ itself is a room of its own. */
const rows: readonly (readonly string[])[] = [
  ['page'],
  ['cli'],
  ['index.ts', 'action'],
  ['library', 'web'],
  ['service'],
  ['vm/archive', 'vm/backup'],
  ['vm/list', 'vm/reach', 'vm/move', 'vm/frozen'],
  ['vm/life'],
  ['vm/drive'],
  ['vm/record'],
  ['host'],
  ['config', 'qemu', 'store', 'image', 'guest', 'net', 'console', 'helper', 'remote'],
  ['sys'],
  ['model'],
  ['core'],
]

/** Runs in a browser, so of the rooms below it knows only these: what is pure, and the types of what is said. */
const pageKnows = ['core/', 'web/protocol.ts']

const source = path.resolve('src')

/** `from './x.js'`, `import './x.js'`, `import('./x.js')`. Comments that hold such words would count too; none does. */
const importing = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*)'(?<name>\.[^']+)'/g

const files = readdirSync(source, { encoding: 'utf8', recursive: true }).filter((file) => /(?<!\.test|\.d)\.tsx?$/.test(file))
const imports = new Map(files.map((file) => [file, importsOf(file)]))
const faults = [...files.flatMap(upward), ...circles()]
for (const fault of faults) console.log(fault)
process.exitCode = faults.length > 0 ? 1 : 0

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(source, file), 'utf8')
  return [...text.matchAll(importing)].map((match) => {
    const name = path.join(path.dirname(file), match.groups?.['name'] ?? '').replace(/\.js$/, '')
    return existsSync(path.join(source, `${name}.tsx`)) ? `${name}.tsx` : `${name}.ts`
  })
}

function upward(file: string): string[] {
  const [room, row] = roomOf(file)
  if (row === -1) return [`src/${file} is in no room that scripts/rooms.ts knows`]
  return (imports.get(file) ?? []).flatMap((other) => {
    const [otherRoom, otherRow] = roomOf(other)
    const isKnown = room === 'page' ? pageKnows.some((known) => other.startsWith(known)) : otherRow > row
    return otherRoom === room || isKnown ? [] : [`src/${file} imports src/${other}: ${room} may not know ${otherRoom}`]
  })
}

/** The room of a file, and its row; -1 where there is none. */
function roomOf(file: string): [string, number] {
  for (const [row, rooms] of rows.entries()) {
    const room = rooms.find((one) => file === one || file.startsWith(`${one}/`))
    if (room !== undefined) return [room, row]
  }
  return [file, -1]
}

/** Each circle once, as the way that leads back to where it began. */
function circles(): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, way: readonly string[]): void => {
    const begin = way.indexOf(file)
    if (begin !== -1) {
      found.push(`a circle: ${[...way.slice(begin), file].map((one) => `src/${one}`).join(' -> ')}`)
      return
    }
    if (done.has(file)) return
    for (const other of imports.get(file) ?? []) visit(other, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}

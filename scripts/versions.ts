// A version, and how it is written into the files that have it. Pure.
import { debianVersion } from './changes.js'

/** `0.2.0`, or `1.0.0-rc.1` before 1.0.0. */
export function isVersion(text: string): boolean {
  return /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[a-z]+\.\d+)?$/.test(text)
}

/** Whether a version comes after another: 1.0.0-rc.1 after 0.9.0, before 1.0.0. */
export function isNewer(version: string, than: string): boolean {
  return sortable(version) > sortable(than)
}

/** Versions in their order are such texts in theirs. What has nothing after its numbers comes after what has: `~` is after every letter. */
function sortable(version: string): string {
  const [numbers = '', before = '~'] = version.split('-')
  return [...numbers.split('.'), ...before.split('.')].map((part) => part.padStart(/\d/.test(part) ? 9 : 0, '0')).join('.')
}

export function inManifest(text: string, version: string, before: string): string {
  return replaceOnce(text, `"version": "${before}"`, `"version": "${version}"`)
}

/** In the lock file it stands twice at its head, and again for whatever package has the same. */
export function inLock(text: string, version: string, before: string): string {
  const head = text.indexOf('"node_modules/')
  const own = text.slice(0, head).replaceAll(`"version": "${before}"`, `"version": "${version}"`)
  if (version !== before && own === text.slice(0, head)) throw new Error(`package-lock.json does not say ${before}`)
  return own + text.slice(head)
}

/** In a text for people: as the names of what a release makes, and in the line that makes it. */
export function inPaper(text: string, version: string, before: string): string {
  const ways = [
    (one: string) => `nbsvm-${one}.tgz`,
    (one: string) => `nbsvm-${one}-linux-x64`,
    (one: string) => `nbsvm_${debianVersion(one)}_all.deb`,
    (one: string) => `npm run release -- ${one}\``,
  ]
  if (!ways.some((way) => text.includes(way(before))))
    throw new Error(`expected nbsvm-${before}.tgz in a text that a release changes`)
  return ways.reduce((changed, way) => changed.replaceAll(way(before), way(version)), text)
}

/** In the program: `version = '1.2.3'`. */
export function inCode(text: string, version: string, before: string): string {
  return replaceOnce(text, `version = '${before}'`, `version = '${version}'`)
}

/** `pkgver=1.2.3`, `Version: 1.2.3`, `version = "1.2.3"` */
export function inRecipe(text: string, version: string, before: string): string {
  const line = /^(?<name>pkgver=|Version: *|  version = ")(?<old>[^"\n]+)/m
  const { name, old } = line.exec(text)?.groups ?? {}
  // Neither makepkg nor rpm takes a hyphen.
  const write = (one: string): string => (name?.startsWith('  ') === true ? one : one.replace('-', '_'))
  if (old !== write(before)) throw new Error(`a recipe says ${old ?? 'no version'}, and ${write(before)} was expected`)
  return text.replace(line, `${name ?? ''}${write(version)}`)
}

function replaceOnce(text: string, from: string, to: string): string {
  const [before, after, ...others] = text.split(from)
  if (before === undefined || after === undefined || others.length > 0)
    throw new Error(`expected ${from} once in a file that a release changes`)
  return before + to + after
}

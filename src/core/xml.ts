// XML, as much of it as documents have that say what something is: elements, attributes, text. No document types, no entities but those
// five that always are, so nothing is expanded and nothing fetched; what is hostile is bounded. Pure.
import { Failure } from './errors.js'

export interface XmlElement {
  /** Without the prefix of its name space. */
  readonly name: string
  /** By their names without prefix. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Its own, without that of its children. */
  readonly text: string
}

interface Open extends XmlElement {
  readonly qualified: string
  readonly children: XmlElement[]
  text: string
}

const deepest = 64
const mostElements = 50_000

const nameShape = '[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?'
const tag = new RegExp(
  `<(?:/(?<closed>${nameShape})\\s*>|(?<opened>${nameShape})(?<attributes>(?:\\s+${nameShape}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(?<empty>/?)>)`,
  'y',
)
const attribute = new RegExp(`(?<name>${nameShape})\\s*=\\s*(?:"(?<one>[^"]*)"|'(?<other>[^']*)')`, 'g')
/** What says nothing: comments, and words for programs. */
const aside = /<!--[^]*?-->|<\?[^]*?\?>/y

/** Reads a document. Throws a Failure that says what is not right in it. */
export function parseXml(document: string): XmlElement {
  const open: Open[] = []
  let root: XmlElement | undefined
  let count = 0
  let at = document.startsWith('\uFEFF') ? 1 : 0
  while (at < document.length) {
    const next = document.indexOf('<', at)
    const end = next === -1 ? document.length : next
    takeText(open.at(-1), document.slice(at, end))
    if (next === -1) break
    at = next
    const skipped = matchAt(aside, document, at)
    if (skipped !== undefined) {
      at += skipped[0].length
      continue
    }
    const found = matchAt(tag, document, at)
    if (found === undefined) throw wrong(`what begins with ${JSON.stringify(document.slice(at, at + 20))} is not read`)
    at += found[0].length
    const { closed, opened = '', attributes = '', empty } = found.groups ?? {}
    if (closed !== undefined) {
      const last = open.pop()
      if (last?.qualified !== closed) throw wrong(`</${closed}> ends what was not begun`)
      continue
    }
    if (open.length === 0 && root !== undefined) throw wrong('it has two roots')
    if (++count > mostElements || open.length >= deepest) throw wrong('it has too much in it')
    const element: Open = { qualified: opened, name: local(opened), attributes: attributesOf(attributes), children: [], text: '' }
    open.at(-1)?.children.push(element)
    root ??= element
    if (empty !== '/') open.push(element)
  }
  if (root === undefined || open.length > 0) throw wrong('it ends in the midst')
  return root
}

function matchAt(shape: RegExp, document: string, at: number): RegExpExecArray | undefined {
  shape.lastIndex = at
  return shape.exec(document) ?? undefined
}

function takeText(element: Open | undefined, text: string): void {
  if (element !== undefined) element.text += plain(text)
  else if (text.trim() !== '') throw wrong('there is text outside of its root')
}

function attributesOf(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const { groups } of text.matchAll(attribute))
    found.set(local(groups?.['name'] ?? ''), plain(groups?.['one'] ?? groups?.['other'] ?? ''))
  return found
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function plain(text: string): string {
  return text.replaceAll(/&(?<entity>[^;]{0,12};?)/g, (_, entity: string) => {
    const name = entity.endsWith(';') ? entity.slice(0, -1) : ''
    const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? []
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    const char = entities[name] ?? (code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined)
    if (char === undefined) throw wrong(`the entity &${entity} is not read`)
    return char
  })
}

function wrong(why: string): Failure {
  return new Failure(`it is not XML as it is read here: ${why}`)
}

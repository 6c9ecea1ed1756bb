// XML as libvirt reads it. https://www.w3.org/TR/xml/

export interface Element {
  readonly name: string
  readonly attributes: Attributes
  readonly content: readonly Element[] | string
}

type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element with a text in it, or others; an attribute that is undefined is left out. */
export function element(name: string, attributes: Attributes = {}, content: Element['content'] = []): Element {
  return { name, attributes, content }
}

/** The lines of an element, each child on lines of its own. The texts are plain lines (`isPlainLine`). */
export function xmlLines({ name, attributes, content }: Element): string[] {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  const open = [name, ...given.map(([key, value]) => `${key}="${escape(String(value))}"`)].join(' ')
  if (typeof content === 'string') return [`<${open}>${escape(content)}</${name}>`]
  if (content.length === 0) return [`<${open}/>`]
  return [`<${open}>`, ...content.flatMap(xmlLines).map((line) => `  ${line}`), `</${name}>`]
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => entities[char] ?? char)
}

/**
 * A comment. No two dashes may follow each other in one: an empty pair of quotes between them leaves a word of a shell's line what it
 * is, within quotes and without.
 */
export function xmlComment(lines: readonly string[]): string[] {
  return ['<!--', ...lines.map((line) => `  ${line.replaceAll(/-(?=-)/g, "-''")}`.trimEnd()), '-->']
}

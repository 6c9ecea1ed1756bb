// Text as roff, with the macros of man(7). Plain words go in; nothing in them is taken for a request.

/** The page's head: name, section, and what stands at its foot. It bears no date: the same tables give the same page. */
export function headline(name: string, section: number, source: string): string {
  // Nothing is stretched, no command is broken in its midst, and one blank stands after a sentence wherever the source breaks.
  return [`.TH ${name} ${section} "" "${escape(source)}" "User Commands"`, '.ad l', '.nh', '.ss 12 0'].join('\n')
}

export function section(title: string, ...parts: readonly string[]): string {
  return [`.SH ${title}`, ...parts].join('\n')
}

/** A name with its meaning, indented. The name is set bold, the words after it italic. */
export function entry(name: string, words: string, meaning: string, ...below: readonly string[]): string {
  const head = `\\fB${escape(name)}\\fR${words === '' ? '' : ` \\fI${escape(words)}\\fR`}`
  const [first = '', ...others] = blocksOf(meaning)
  const rest = [...others.map(block), ...below]
  return ['.TP 8', head, fill(first), ...(rest.length === 0 ? [] : ['.RS 8', ...rest, '.RE'])].join('\n')
}

/** A text as help has it: paragraphs with blank lines between, and indented lines as examples. */
export function text(help: string): string {
  const [first = '', ...others] = blocksOf(help)
  return [fill(first), ...others.map(block)].join('\n')
}

/** Lines that stay as they are. */
export function example(lines: string): string {
  return ['.PP', indented(lines)].join('\n')
}

/** The same where nothing stands before it. */
export function indented(lines: string): string {
  return ['.RS 4', '.nf', ...lines.split('\n').map(escape), '.fi', '.RE'].join('\n')
}

function block(lines: string): string {
  return lines.startsWith('  ') ? example(lines.replaceAll(/^ {2}/gm, '')) : `.PP\n${fill(lines)}`
}

/** Indented lines are a block of their own, with or without a blank line before them. */
function blocksOf(help: string): string[] {
  const blocks: string[] = []
  for (const part of help.split(/\n\n+/)) {
    part.split('\n').forEach((line, at) => {
      const last = blocks.at(-1)
      if (at > 0 && last?.startsWith('  ') === line.startsWith('  ')) blocks[blocks.length - 1] = `${last}\n${line}`
      else blocks.push(line)
    })
  }
  return blocks
}

const sourceWidth = 76

/** One paragraph as lines of source; roff fills them to the page's width. */
function fill(paragraph: string): string {
  const lines: string[] = []
  for (const word of paragraph.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && escape(`${last} ${word}`).length <= sourceWidth) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(escape).join('\n')
}

/** Characters that roff would turn into others stay as they are, so that commands can be pasted from the page. */
function escape(line: string): string {
  const safe = line.replaceAll(/[\\\-'`^~"]/g, (char) => named[char] ?? char)
  return safe.startsWith('.') ? `\\&${safe}` : safe
}

const named: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
}

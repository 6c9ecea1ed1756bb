// Writes the tables of the documents from the code's own: `npm run docs`. A test fails while they are out of date.
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { synopsis } from '../src/action/help.js'
import { failureCodes } from '../src/core/codes.js'
import { actions, commands } from '../src/action/rows.js'
import type { Row } from '../src/action/verb.js'
import { describeDefault, settingNames, settingsTable } from '../src/config/settings.js'

/** Which tables a document has. */
export const tablesOf: Readonly<Record<string, readonly TableName[]>> = {
  'README.md': ['actions', 'commands', 'settings'],
  'docs/library.md': ['codes'],
}

type TableName = 'actions' | 'commands' | 'settings' | 'codes'

/** The text of a document with every table between `<!-- NAME: ... -->` and `<!-- end of NAME -->` as the code has it. */
export function withTables(text: string, file: string): string {
  return (tablesOf[file] ?? []).reduce((before, name) => replace(before, name, file), text)
}

const tables: Readonly<Record<TableName, () => string>> = {
  actions: () => markdown(['action', 'does'], actions.map(cells)),
  commands: () => markdown(['command', 'does'], commands.map(cells)),
  settings: () =>
    markdown(
      ['setting', 'meaning', 'default'],
      settingNames.map((name) => [`\`${name}\``, `${settingsTable[name].help}${choicesOf(name)}`, describeDefault(name)]),
    ),
  codes: () =>
    markdown(
      ['code', 'says'],
      Object.entries(failureCodes).map(([code, words]) => [`\`${code}\``, words]),
    ),
}

function cells(row: Row): string[] {
  const flags = Object.keys(row.flags).map((flag) => ` [--${flag}]`)
  // What goes on to the end of the line or to -- is not for us to read.
  const isEndless = row.takes === 'options' || row.takes.max === 'all'
  const line = isEndless ? `${row.name}${flags.join('')} ${row.words}` : `${synopsis(row)}${flags.join('')}`
  return [`\`${line}\``, row.summary]
}

function choicesOf(name: (typeof settingNames)[number]): string {
  const { choices } = settingsTable[name].quantity
  return choices === undefined ? '' : `: ${choices.map((choice) => `\`${choice}\``).join(', ')}`
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function line(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`
}

function replace(text: string, name: TableName, file: string): string {
  const between = new RegExp(`(<!-- ${name}:[^\\n]*-->\\n)[^]*?(<!-- end of ${name} -->)`)
  if (!between.test(text)) throw new Error(`${file} has no place for the table of ${name}`)
  return text.replace(between, (_whole, begin: string, end: string) => `${begin}\n${tables[name]()}\n\n${end}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const file of Object.keys(tablesOf)) fs.writeFileSync(file, withTables(fs.readFileSync(file, 'utf8'), file))
}

// Where a bug is: the program is shipped in files of one line, with maps that tell where in the source each of its words is.
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'

/** The calls of a stack, with files and lines of the source where the file has a map beside it: `at start (src/vm/start.ts:12:3)`. */
export function sourceTrace(stack: string): string[] {
  const calls = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return calls.map((line) =>
    line
      .trim()
      .replace(/(?:file:\/\/)?(\/[^()]+):(\d+):(\d+)(?=\)?$)/, (place: string, file: string, row: string, column: string) => {
        return sourceOf(file, Number(row), Number(column)) ?? place
      }),
  )
}

function sourceOf(file: string, row: number, column: number): string | undefined {
  try {
    const map = new module.SourceMap(JSON.parse(fs.readFileSync(`${file}.map`, 'utf8')))
    const entry = map.findEntry(row - 1, column - 1)
    if (!('originalSource' in entry)) return undefined
    const source = path.join('/', entry.originalSource).slice(1)
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  } catch {
    // The stack as it is tells more than nothing.
    return undefined
  }
}

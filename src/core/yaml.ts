// Data as YAML that both cloud-init and FreeBSD's nuageinit, whose reader knows little of YAML, understand: blocks, with each text
// in double quotes as JSON writes it. https://yaml.org/spec/1.2.2/

export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | undefined }

/** The lines of a document; a member that is undefined is left out. Keys are plain words. */
export function yamlText(value: { readonly [key: string]: Yaml | undefined }): string {
  return `${block(value).join('\n')}\n`
}

function block(value: Yaml): string[] {
  if (Array.isArray(value)) return (value as readonly Yaml[]).flatMap((item) => hang('- ', block(item)))
  if (typeof value !== 'object') return [JSON.stringify(value)]
  return Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : pair(key, member)))
}

function pair(key: string, value: Yaml): string[] {
  const lines = block(value)
  if (typeof value !== 'object') return [`${key}: ${lines.join('')}`]
  if (lines.length === 0) return [`${key}: ${Array.isArray(value) ? '[]' : '{}'}`]
  return [`${key}:`, ...lines.map((line) => `  ${line}`)]
}

/** The first line behind the mark, the others under it. */
function hang(mark: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => (index === 0 ? mark : ' '.repeat(mark.length)) + line)
}

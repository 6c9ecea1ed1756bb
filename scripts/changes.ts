// CHANGELOG.md read as data: a part for each version, the newest first. What a release makes of it; all of it pure.

/** A part of the file, whose heading is `## 0.2.0, 2027-01-31`, `## 0.2.0, unreleased` or `## unreleased`. */
export interface Changes {
  readonly version: string | undefined
  /** `2027-01-31`; undefined for what is not released yet. */
  readonly date: string | undefined
  /** What is below the heading. */
  readonly text: string
}

const heading = /^## (?:(?<version>\d\S*), )?(?<when>unreleased|\d{4}-\d\d-\d\d)$/m

/** The parts of the file. Throws where a heading is none of the three. */
export function changesOf(changelog: string): Changes[] {
  const parts = changelog.split(/^(?=## )/m).filter((part) => part.startsWith('## '))
  return parts.map((part) => {
    const [line = ''] = part.split('\n')
    const { version, when } = heading.exec(line)?.groups ?? {}
    if (when === undefined) throw new Error(`CHANGELOG.md: expected "## VERSION, DATE" or "## unreleased", and found "${line}"`)
    return { version, date: when === 'unreleased' ? undefined : when, text: part.slice(line.length).trim() }
  })
}

/** The file with what is unreleased as that of a version and its date. Throws where nothing is unreleased, or it is called otherwise. */
export function released(changelog: string, version: string, date: string): string {
  const [newest] = changesOf(changelog)
  if (newest?.date !== undefined || newest === undefined) throw new Error('CHANGELOG.md has no part that is unreleased')
  if (newest.text === '') throw new Error('CHANGELOG.md says nothing of what is unreleased')
  return changelog.replace(heading, `## ${version}, ${date}`)
}

/** How Debian writes a version: what comes before 1.0.0 is `1.0.0~rc.1`, and sorts so. */
export function debianVersion(version: string): string {
  return version.replace('-', '~')
}

/**
 * Debian's changelog (deb-changelog(5)) of the released parts. The newest is that of `version` in any case: while it is unreleased it has
 * the time `epoch`, in seconds.
 */
export function debianChangelog(changelog: string, version: string, maintainer: string, epoch: number): string {
  const parts = changesOf(changelog).map(({ date, text, ...part }, at) => {
    const time = date === undefined ? new Date(epoch * 1000) : new Date(`${date}T00:00:00Z`)
    return [
      `nbsvm (${debianVersion(at === 0 ? version : (part.version ?? version))}) unstable; urgency=medium`,
      ...itemsOf(text).map((item) => wrapped(item)),
      ` -- ${maintainer}  ${mailDate(time)}`,
    ].join('\n\n')
  })
  return `${parts.join('\n\n')}\n`
}

/** Items of the list, and paragraphs between them, each in one line. */
function itemsOf(text: string): string[] {
  return text
    .split(/\n\s*\n|\n(?=- )/)
    .map((item) =>
      item
        .replace(/^- /, '')
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    .filter((item) => item !== '')
}

function wrapped(item: string): string {
  const lines = ['  *']
  for (const word of item.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + 1 + word.length > 78 && last.trim() !== '*') lines.push(`    ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

/** `Sat, 30 Jan 2027 00:00:00 +0000` */
function mailDate(time: Date): string {
  return time.toUTCString().replace('GMT', '+0000')
}

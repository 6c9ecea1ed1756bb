// Prints CHANGELOG.md as Debian wants it, for scripts/deb: debchangelog VERSION MAINTAINER EPOCH
import { readFileSync } from 'node:fs'
import { debianChangelog } from './changes.js'

const [version = '', maintainer = '', epoch = ''] = process.argv.slice(2)
process.stdout.write(debianChangelog(readFileSync('CHANGELOG.md', 'utf8'), version, maintainer, Number(epoch)))

import type { Command } from './verb.js'
import { version as number } from '../core/version.js'

export const version: Command = {
  help: 'Prints the version of nbsvm.',

  async run({ out }) {
    out(`nbsvm ${number}`)
  },
}

import { parseSize, formatSize } from '../core/size.js'
import { balloonTo } from '../vm/reach/balloon.js'
import type { Verb } from './verb.js'

export const balloon: Verb = {
  help: `Asks the guest of a running VM to make do with SIZE of its RAM, by its balloon, or lets it have more again: never more than mem was
at its start. The guest needs a driver, which every Linux has, and keeps what it cannot spare. status shows what it has. What is
free in the guest goes back to this machine all the time, without this.

  nbsvm foo balloon 512M
  nbsvm foo balloon 2G`,

  async run({ vm, words: [size = ''], note, signal }) {
    const wantedBytes = parseSize(size, 'M')
    const { memBytes, memNowBytes } = await balloonTo(vm, wantedBytes, { signal })
    note(`${formatSize(memNowBytes)} of ${formatSize(memBytes)} RAM`)
    if (memNowBytes === wantedBytes) return 0
    note(
      memNowBytes === memBytes
        ? 'the guest gives nothing back: it has no balloon driver, or is still booting'
        : 'the guest keeps the rest',
    )
    return 1
  },
}

import { Failure } from '../core/errors.js'
import { writeWhole } from '../sys/file.js'
import { writeBytes } from '../sys/output.js'
import { checkTarget, takeScreenshot } from '../vm/reach/screenshot.js'
import type { Verb } from './verb.js'

/** As others see to it: the umask says who may read it. */
const fileMode = 0o666

export const screenshot: Verb = {
  help: `Writes a picture of the VM's screen, as it is now, to FILE.png, in place of one that is there; - is stdout, for a pipe. It needs no
viewer, and whoever looks on by vnc is not disturbed. A VM without a graphics card has no screen; its serial port is in the log.

  nbsvm foo screenshot foo.png
  nbsvm foo key ctrl-alt-f2 -- screenshot foo.png
  nbsvm foo screenshot - | display`,

  async run({ vm, words, note, isTerminal, signal }) {
    const [file = ''] = words
    if (file === '-' && isTerminal())
      throw new Failure('a picture is not for a terminal', { hints: [`try: ${vm.call} screenshot ${vm.name}.png`] })
    if (file !== '-') checkTarget(file)
    const { png, width, height } = await takeScreenshot(vm, { signal })
    if (file === '-') writeBytes(1, png)
    else {
      writeWhole(file, png, fileMode)
      note(`${file}: ${width} x ${height} pixels`)
    }
  },
}

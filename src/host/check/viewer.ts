// Programs that show a VM's screen.
import { hasScreen, viewerCommand } from '../../console/viewer.js'
import { quoteWord } from '../../core/words.js'
import type { Environment } from '../../sys/environment.js'
import { findProgram } from '../../sys/file.js'
import { requirementsFor, type Requirement } from './requirements.js'
import { bad, good, install, lacking, type Finding } from './finding.js'

export async function checkViewers(requirements: readonly Requirement[], environment: Environment): Promise<Finding[]> {
  const wanted = requirementsFor(requirements, 'viewer').map(({ value, by }) => {
    const program = findProgram(value)
    if (program !== undefined) return good(`viewer ${value}`, program)
    return bad(`viewer ${value}`, `there is no such program (${by})`, `see whether it is in PATH: command -v ${quoteWord(value)}`)
  })
  return [usual(environment), ...wanted]
}

/** The one that `vnc` would open where no setting names another. */
function usual(environment: Environment): Finding {
  const program = viewerCommand({ at: 5900, secretFile: '' }, { viewer: undefined, hasScreen: true })?.command[0]
  const noScreen = hasScreen(environment) ? '' : '; there is no screen here, so vnc prints the address'
  if (program !== undefined) return good('viewer', `${program}${noScreen}`)
  return lacking('viewer', `none is installed${noScreen}`, noScreen === '' ? install('vncviewer') : undefined)
}

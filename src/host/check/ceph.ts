// What drives in a pool of Ceph need: its programs, QEMU's driver, and monitors that answer.
import { Failure, messageOf } from '../../core/errors.js'
import { imageNames } from '../../store/rbd/rbdimage.js'
import { clusterOf } from '../../store/rbd/rbdstore.js'
import { findProgram } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import { answerTimeoutMs, bad, good, install, lacking, type Finding } from './finding.js'
import { requirementsFor, type Requirement } from './requirements.js'

/** Less than what `doctor` gives the whole of a check. */
const monitorSeconds = 1

export async function checkCeph(requirements: readonly Requirement[]): Promise<Finding[]> {
  const pools = requirementsFor(requirements, 'ceph')
  const missing = pools.length === 0 ? lacking : bad
  const by = pools.slice(0, 1).map((requirement) => ` (${requirement.by})`)
  if (findProgram('rbd') === undefined) {
    return [missing('ceph', `not installed; only store=rbd needs it${by.join('')}`, install('ceph'))]
  }
  if (!(await hasDriver())) return [missing('ceph', `QEMU's driver for it is not installed${by.join('')}`, install('qemu-rbd'))]
  return [good('ceph', "installed, and QEMU's driver for it"), ...(await Promise.all(pools.map(checkPool)))]
}

/** Asked for an image of nowhere, QEMU says either that or that it has no such driver. */
async function hasDriver(): Promise<boolean> {
  const nowhere = { driver: 'rbd', pool: 'none', image: 'none', conf: '/nonexistent' }
  const { stderr } = await run(['qemu-img', 'info', `json:${JSON.stringify(nowhere)}`], { timeoutMs: answerTimeoutMs })
  return !/Unknown driver|not found, do you want/.test(stderr)
}

async function checkPool({ value, by }: Requirement): Promise<Finding> {
  const { pool, conf, user } = JSON.parse(value) as { pool?: string; conf?: string; user?: string }
  if (pool === undefined) return bad('pool of Ceph', `none is named (${by})`, 'name it: pool=NAME in the same file')
  const name = `pool ${pool} of Ceph`
  try {
    const images = await imageNames(clusterOf({ pool, conf, user }), { seconds: monitorSeconds })
    return good(name, `it answers, and has ${images.length} images (${by})`)
  } catch (error) {
    return bad(name, `${messageOf(error)} (${by})`, error instanceof Failure ? error.hints[0] : undefined)
  }
}

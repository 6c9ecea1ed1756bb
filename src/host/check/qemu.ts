// QEMU and what stands around it.
import { Failure, messageOf } from '../../core/errors.js'
import { askFeatures, type QemuFeatures } from '../feature.js'
import { findQemu, foreignProcessor } from '../facts.js'
import { archOfProgram } from '../../qemu/program.js'
import { tryKvm, type Verdict } from '../trial.js'
import { hostArch } from '../../sys/environment.js'
import { findProgram } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import { runAsInGeneral } from '../runas.js'
import { requirementsFor, generalRequirement, type Requirement } from './requirements.js'
import { answerTimeoutMs, bad, good, install, lacking, type Finding } from './finding.js'

/** The oldest QEMU that nbsvm is tested with. */
const oldest = [7, 2] as const

/** The QEMU of a VM without settings of its own, and those that other settings name. */
export async function checkQemu(requirements: readonly Requirement[]): Promise<Finding[]> {
  const wanted = requirementsFor(requirements, 'qemu')
  const usual = generalRequirement(requirements, 'qemu')
  const others = wanted.filter((requirement) => requirement !== usual)
  const findings = await Promise.all([
    checkProgram('qemu', usual),
    ...others.map((requirement) => checkProgram(`qemu ${requirement.value}`, requirement)),
  ])
  return findings.flat()
}

async function checkProgram(name: string, requirement: Requirement | undefined): Promise<Finding[]> {
  const by = requirement === undefined ? '' : ` (${requirement.by})`
  let program: string
  try {
    program = findQemu(requirement?.value)
  } catch (error) {
    const [hint] = error instanceof Failure ? error.hints : []
    return [bad(name, `${messageOf(error)}${by}`, hint?.replace('install QEMU: ', ''))]
  }
  try {
    const features = await askFeatures(program, answerTimeoutMs)
    return [judgeVersion(name, program, features), judgeFeatures(`${name} features`, features)]
  } catch (error) {
    return [bad(name, `${messageOf(error)}${by}`, `see for yourself: ${program} --version`)]
  }
}

function judgeVersion(name: string, program: string, { version }: QemuFeatures): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1])
  const what = `${version}  ${program}`
  return isOld ? lacking(name, `${what}: older than ${oldest.join('.')}, the oldest that nbsvm is tested with`) : good(name, what)
}

function judgeFeatures(name: string, { missing }: QemuFeatures): Finding {
  return missing.length === 0
    ? good(name, 'all that nbsvm uses: sandbox, journal of events, devices')
    : lacking(name, `without ${missing.join(', ')}`)
}

/** QEMU's own words on its security (docs/system/security.rst): only what runs with a hypervisor is meant to hold a hostile guest. */
const tcg = 'slowly, and QEMU does not promise that a hostile guest stays within it'

/** KVM, tried with a real guest. */
export async function checkKvm(requirements: readonly Requirement[]): Promise<Finding[]> {
  const [requirement] = requirementsFor(requirements, 'accel')
  const { works, why } = await verdict(
    generalRequirement(requirements, 'qemu')?.value,
    generalRequirement(requirements, 'run_as')?.value,
  )
  if (works) return [good('kvm', why)]
  // `why` may end in what to type.
  const { what = why, hint } = /^(?<what>[^]*?): (?<hint>sudo .*)$/.exec(why)?.groups ?? {}
  if (requirement === undefined) return [lacking('kvm', `${what}; VMs run on TCG, ${tcg}`, hint)]
  return [bad('kvm', `${what} (${requirement.by})`, hint ?? 'accel=tcg works everywhere')]
}

/** Tried as the user whom QEMU runs as. */
async function verdict(program: string | undefined, wanted: string | undefined): Promise<Verdict> {
  try {
    const as = runAsInGeneral(wanted)
    const foreign = foreignProcessor(archOfProgram(program) ?? hostArch())
    return foreign ?? (await tryKvm(findQemu(program), as.prefix.length > 0 ? as : undefined))
  } catch (error) {
    return { works: false, why: messageOf(error) }
  }
}

export async function checkQemuImg(): Promise<Finding[]> {
  const program = findProgram('qemu-img')
  if (program === undefined) return [bad('qemu-img', 'not installed; drives are made and copied with it', install('qemu-img'))]
  const { stdout, status } = await run([program, '--version'], { timeoutMs: answerTimeoutMs })
  const version = /version (\d[\w.]*)/.exec(stdout)?.[1]
  return [
    status === 0 && version !== undefined
      ? good('qemu-img', `${version}  ${program}`)
      : bad('qemu-img', `${program} does not answer`, install('qemu-img')),
  ]
}

/** Whom QEMU runs as: nobody in particular has to exist for a user's VMs. */
export async function checkUsers(requirements: readonly Requirement[]): Promise<Finding[]> {
  const wanted = requirementsFor(requirements, 'run_as')
  return [...(wanted.some(({ isGeneral }) => isGeneral) ? [] : [undefined]), ...wanted].map(judgeUser)
}

function judgeUser(requirement: Requirement | undefined): Finding {
  const name = requirement === undefined || requirement.isGeneral ? 'run_as' : `run_as ${requirement.value}`
  try {
    return good(name, `QEMU runs as ${runAsInGeneral(requirement?.value).user}`)
  } catch (error) {
    const by = requirement === undefined ? '' : ` (${requirement.by})`
    return bad(name, `${messageOf(error)}${by}`, error instanceof Failure ? error.hints[0] : undefined)
  }
}

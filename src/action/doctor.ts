import { columns } from '../core/table.js'
import type { Finding } from '../host/check/finding.js'
import { examine } from '../host/doctor.js'
import type { Command } from './verb.js'

export const doctor: Command = {
  help: `Looks at what this machine has for VMs, and says what to type where something is missing. KVM is tried with a real guest. It
changes nothing and takes a second or two.

  ok   it is there
  --   it is not, or you may not see it; nothing requires it
  no   it is not, and a setting requires it (of the environment, a class file or a VM's file), or no VM starts without it

The exit status is 1 if there is a "no", else 0. As root, or while sudo asks for no password (sudo -v), it sees more.

  nbsvm doctor
  nbsvm doctor --json      an array of objects: name, ok (true, null, false), what, hint
  vg=vg0 nbsvm doctor      is this machine ready for that?`,

  async run({ flags, out, note, outside }) {
    const findings = await examine(outside)
    out(flags['json'] === true ? JSON.stringify(findings, undefined, 2) : report(findings))
    const missing = findings.filter(({ ok }) => ok === false)
    if (missing.length === 0) return 0
    note(`missing: ${missing.map(({ name }) => name).join(', ')}`)
    return 1
  },
}

/** A line for each thing, and one below it for what to type. */
function report(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ name, ok, what, hint }) => [
    [ok === null ? '--' : ok ? 'ok' : 'no', name, what],
    ...(hint === null ? [] : [['', '', `> ${hint}`]]),
  ])
  return columns(lines).join('\n')
}

// For whom a VM can be written down.
import { UsageError } from '../../core/errors.js'

const systems = ['libvirt', 'proxmox', 'kubevirt'] as const

export type System = (typeof systems)[number]

/** Whether any is asked for. */
export function isSystem(flags: Readonly<Record<string, unknown>>): boolean {
  return systems.some((name) => flags[name] === true)
}

/** The one that is asked for. Throws a UsageError where none is, or several are. */
export function systemOf(flags: Readonly<Record<string, unknown>>): System {
  const [system, ...further] = systems.filter((name) => flags[name] === true)
  if (system !== undefined && further.length === 0) return system
  throw new UsageError('export: for which system?', { hints: systems.map((name) => `try: export --${name}`) })
}

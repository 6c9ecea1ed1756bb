// QEMU's word for a processor, taken apart: `host,+vmx,hv_relaxed,hv_spinlocks=0x1fff`.

export interface Cpu {
  /** `host`, `max`, `EPYC-Rome` */
  readonly model: string
  /** Hyper-V's enlightenments, by their names without `hv-`; the value where it has one other than on. */
  readonly hyperv: ReadonlyMap<string, string | undefined>
  /** Further features, on or off, by the names that CPUs' makers gave them: `vmx`, `pdpe1gb`. */
  readonly features: ReadonlyMap<string, boolean>
  /** Words that are none of these. */
  readonly others: readonly string[]
}

export function parseCpu(word: string): Cpu {
  const [model = '', ...rest] = word.split(',')
  const hyperv = new Map<string, string | undefined>()
  const features = new Map<string, boolean>()
  const others: string[] = []
  for (const part of rest) {
    const { sign, name = '', value } = /^(?<sign>[+-]?)(?<name>[A-Za-z0-9._-]+)(?:=(?<value>.*))?$/.exec(part)?.groups ?? {}
    const isOff = sign === '-' || value === 'off' || value === 'no'
    const isPlain = value === undefined || isOff || value === 'on' || value === 'yes'
    const feature = name.replaceAll('_', '-')
    if (feature.startsWith('hv-') && !isOff) hyperv.set(feature.slice(3), isPlain ? undefined : value)
    else if (isPlain && name !== '' && !ofQemu.has(feature)) features.set(feature, !isOff)
    else others.push(part)
  }
  return { model, hyperv, features, others }
}

/** Switches of QEMU's own that are no feature of a processor. */
const ofQemu: ReadonlySet<string> = new Set(['migratable', 'pauth-impdef', 'check', 'enforce', 'kvm', 'pmu', 'host-cache-info'])

/** What a value says as a number; undefined for none. QEMU takes hexadecimal ones too. */
export function numberOf(value: string | undefined): number | undefined {
  const number = value === undefined || value === '' ? Number.NaN : Number(value)
  return Number.isSafeInteger(number) ? number : undefined
}

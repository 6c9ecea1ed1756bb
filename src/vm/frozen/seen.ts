// The settings of a frozen guest: what it has seen stays as it is while it runs.
import { asWritten, foldSettings, type Folded } from '../../config/fold.js'
import { settingNames, type SettingName } from '../../config/settings.js'
import { UsageError } from '../../core/errors.js'
import type { FrozenLive } from '../record/frozen.js'
import type { Vm } from '../record/vm.js'

/** What its guest has seen, and cannot become another while it runs. */
const seen: ReadonlySet<SettingName> = new Set<SettingName>([
  ...(['mem', 'smp', 'drives', 'drive_if', 'iothread', 'cdrom', 'usb', 'network', 'net_if', 'args', 'cpu'] as const),
  ...(['firmware', 'tpm', 'rtc', 'arch', 'machine', 'accel', 'balloon', 'share', 'display'] as const),
])

/** Its settings that ask for another machine than the one that was frozen, but for defaults. */
export function otherThan({ folded: { origins, texts } }: Pick<Vm, 'folded'>, live: FrozenLive): SettingName[] {
  return settingNames.filter(
    (name) => seen.has(name) && origins[name].kind !== 'default' && String(texts[name]) !== String(live.texts[name]),
  )
}

/** `with mem=512`, or `without`. */
export function wordsOfSetting(name: SettingName, { texts }: Pick<FrozenLive, 'texts'>): string {
  return texts[name] === undefined ? 'without' : `with ${name}=${String(texts[name])}`
}

/**
 * The VM with the settings that it was started with: its guest goes on. What the line says is said of now; it throws a UsageError where that asks for
 * another machine.
 */
export function asItWas(vm: Vm, live: FrozenLive, without: string): Vm {
  const { origins, texts } = vm.folded
  const isSaid = (name: SettingName): boolean => origins[name].kind === 'command line'
  const other = otherThan(vm, live).find(isSaid)
  if (other !== undefined)
    throw new UsageError(
      `${vm.id} cannot go on with ${other}=${String(texts[other])}: it ran ${wordsOfSetting(other, live)}, which its guest has seen`,
      { hints: [`leave ${other} out`, `or boot it without its RAM, as after a power cut: ${without}`] },
    )
  const wanted = settingNames.flatMap((name) => {
    const text = (isSaid(name) ? texts : live.texts)[name]
    return text === undefined ? [] : [[name, asWritten(text)] as const]
  })
  const folded: Folded = foldSettings({ commandLine: Object.fromEntries(wanted), environment: {}, files: new Map() })
  return { ...vm, settings: folded.settings, folded }
}

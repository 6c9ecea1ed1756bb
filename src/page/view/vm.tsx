// One VM: what it does, its buttons, and its views.
import { useEffect, useRef } from 'preact/hooks'
import type { WireVm } from '../../web/protocol.js'
import { useCell } from '../link/cell.js'
import { base, newUrl, vmUrl } from '../link/place.js'
import { me, vms, useViewOnly } from '../link/watch.js'
import { Actions } from '../part/actions.js'
import { announce } from '../part/announce.js'
import { Icon } from '../part/icon.js'
import { Link } from '../part/link.js'
import { State } from '../part/state.js'
import { tabs, type Tab } from '../pure/route.js'
import { ConsoleView } from './console.js'
import { DrivesView } from './drives.js'
import { FiguresView } from './figures.js'
import { LogView } from './log.js'
import { ScreenView } from './screen.js'
import { SettingsView } from './settings.js'
import { StatusView } from './status.js'

interface Props {
  readonly id: string
  readonly tab: Tab | undefined
  readonly isAlone: boolean
}

export function VmView({ id, tab = 'screen', isAlone }: Props) {
  const vm = useCell(vms, (all) => all?.get(id))
  const only = useCell(me, (who) => who?.only ?? null)
  useStateSaid(vm)
  if (vm === undefined) return <NoSuch id={id} />
  if (isAlone) return <View vm={vm} tab={tab} />
  return (
    <>
      <div class="vm-head">
        <div class="vm-name">
          {only === null && (
            <Link href={base} class="back" aria-label="All VMs">
              <Icon name="back" />
            </Link>
          )}
          <h1>{id}</h1>
          <State vm={vm} />
        </div>
        <Actions vm={vm} withLines />
      </div>
      <Tabs id={id} tab={tab} />
      <View vm={vm} tab={tab} />
    </>
  )
}

function Tabs({ id, tab }: { readonly id: string; readonly tab: Tab }) {
  const nav = useRef<HTMLElement>(null)
  // A phone has no room for all.
  useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [tab])
  return (
    <nav class="tabs" aria-label={`Views of ${id}`} ref={nav}>
      {tabs.map((one) => (
        <Link key={one} href={vmUrl(id, one)} {...(one === tab ? { 'aria-current': 'page' } : {})}>
          {one.charAt(0).toUpperCase() + one.slice(1)}
        </Link>
      ))}
    </nav>
  )
}

function View({ vm, tab }: { readonly vm: WireVm; readonly tab: Tab }) {
  switch (tab) {
    case 'screen':
      return <ScreenView vm={vm} />
    case 'console':
      return <ConsoleView vm={vm} />
    case 'status':
      return <StatusView vm={vm} />
    case 'figures':
      return <FiguresView vm={vm} />
    case 'drives':
      return <DrivesView vm={vm} />
    case 'settings':
      return <SettingsView vm={vm} />
    case 'log':
      return <LogView vm={vm} />
  }
}

function NoSuch({ id }: { readonly id: string }) {
  const viewOnly = useViewOnly()
  return (
    <div class="empty">
      <h1>There is no VM {id}</h1>
      <p>
        <Link href={base}>All VMs</Link> {!viewOnly && <Link href={newUrl}>Make one</Link>}
      </p>
    </div>
  )
}

function useStateSaid(vm: WireVm | undefined): void {
  const words = vm === undefined ? undefined : `${vm.id}: ${vm.state === 'stopped' ? 'off' : vm.state}`
  useEffect(() => {
    if (words !== undefined) announce(words)
  }, [words])
}

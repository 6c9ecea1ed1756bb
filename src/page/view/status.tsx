// What `nbsvm VM status` tells.
import type { WireStatus, WireVm } from '../../web/protocol.js'
import { asJson, useAsked } from '../link/asked.js'
import { Line } from '../part/copy.js'
import { Facts, Missing, type Fact } from '../part/facts.js'
import { forwardText, size } from '../pure/words.js'

const everyMs = 5000

export function StatusView({ vm }: { readonly vm: WireVm }) {
  const { answer, fault } = useAsked<WireStatus>(`vms/${vm.id}`, asJson, { about: vm, everyMs })
  return (
    <section class="paper" aria-label={`Status of ${vm.id}`}>
      <Line text={`nbsvm ${vm.id} status`} />
      <Missing fault={fault} />
      {answer !== undefined && <Facts facts={[...machineFacts(answer), ...guestFacts(answer), ...hostFacts(answer)]} />}
    </section>
  )
}

function machineFacts(status: WireStatus): Fact[] {
  const { state, detail, sinceMs, ending, pid, runAs, memBytes, memNowBytes, cpus, accelerator, uuid, image } = status
  const memory = memNowBytes !== null && memNowBytes < memBytes ? `${size(memBytes)} (${size(memNowBytes)} now)` : size(memBytes)
  const board = [
    status.arch,
    status.machine,
    status.cpu === null ? null : `CPU ${status.cpu}`,
    status.firmware,
    status.tpm ? 'TPM' : null,
  ]
  return [
    ['state', `${state === 'stopped' ? 'off' : state}${detail === null || detail === state ? '' : ` (${detail})`}`],
    ...(sinceMs === null ? [] : [['since', new Date(sinceMs).toLocaleString()] as const]),
    ...(ending === null ? [] : [['ended', ending.words] as const]),
    ...(pid === null ? [] : [['pid', `${pid}${runAs === null ? '' : `, as ${runAs}`}`] as const]),
    [
      'machine',
      [`${memory} RAM`, `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`, accelerator].filter((text) => text !== null).join(', '),
    ],
    ['board', board.filter((text) => text !== null).join(', ')],
    ...(uuid === null ? [] : [['uuid', uuid] as const]),
    ...(image === null ? [] : [['image', `${image.name}  ${image.digest.slice(0, 19)}  ${image.level}`] as const]),
  ]
}

function guestFacts({ guest }: WireStatus): Fact[] {
  if (guest === null) return []
  const names = [guest.hostname, guest.os].filter((text) => text !== null)
  return [
    ...(names.length === 0 ? [] : [['guest', names.join(', ')] as const]),
    ...guest.addresses.map(({ address, interface: card }) => ['address', `${address} (${card})`] as const),
  ]
}

function hostFacts(status: WireStatus): Fact[] {
  return [
    ...status.drives.map(({ name, path }) => ['drive', `${name}  ${path}`] as const),
    ...status.discs.map(({ drive, path }) => ['disc', `${drive}  ${path ?? 'empty'}`] as const),
    ...status.shares.map((one) => ['share', `${one.hostPath} → ${one.guestPath}${one.readOnly ? ', read-only' : ''}`] as const),
    ...status.devices.flatMap(({ name, kind, what }) =>
      what === null ? [] : [['attached', `${name}  ${kind} ${what}`] as const],
    ),
    ...status.forwards.map((one) => ['port', `${forwardText(one)}${one.alive ? '' : '  dead'}`] as const),
    ...(status.taps.length === 0 ? [] : [['taps', status.taps.join(' ')] as const]),
    ...status.helpers.map(
      ({ name, pid, alive }) => ['helper', `${name}${pid === null ? '' : `, pid ${pid}`}${alive ? '' : '  dead'}`] as const,
    ),
    ...status.faults.map((fault) => ['fault', <span class="fault">{fault}</span>] as const),
    ['drawer', status.drawer],
  ]
}

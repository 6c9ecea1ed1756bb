// Made by scripts/qmp-schema.ts from query-qmp-schema of QEMU 7.2.22. Do not edit: types only, nothing of it is left at run time.

/** The commands that nbsvm uses, and what each takes. Integers are JavaScript numbers, so exact up to 2^53. */

export interface Commands {
  block_resize: BlockResizeArguments
  'blockdev-add': { driver: string; 'node-name'?: string } & Record<string, unknown>
  'blockdev-del': BlockdevDelArguments
  'blockdev-snapshot': BlockdevSnapshotArguments
  cont: Nothing
  device_del: DeviceDelArguments
  'human-monitor-command': HumanMonitorCommandArguments
  qmp_capabilities: QmpCapabilitiesArguments
  'qom-get': QomGetArguments
  'query-block': Nothing
  'query-chardev': Nothing
  'query-cpus-fast': Nothing
  'query-kvm': Nothing
  'query-name': Nothing
  'query-named-block-nodes': QueryNamedBlockNodesArguments
  'query-status': Nothing
  quit: Nothing
  stop: Nothing
  system_powerdown: Nothing
  system_reset: Nothing
  system_wakeup: Nothing
}

/** The events that nbsvm knows, and what QEMU says that it tells with them. */

export interface Events {
  RESUME: Nothing
  SHUTDOWN: ShutdownData
  STOP: Nothing
  SUSPEND: Nothing
  WAKEUP: Nothing
}

export type CommandName = keyof Commands

export type EventName = keyof Events

/** No members at all. */

export type Nothing = Record<string, never>

export type BlockResizeArguments = { device?: string; 'node-name'?: string; size: number }

export type BlockdevDelArguments = { 'node-name': string }

export type BlockdevSnapshotArguments = { node: string; overlay: string }

export type DeviceDelArguments = { id: string }

export type HumanMonitorCommandArguments = { 'command-line': string; 'cpu-index'?: number }

export type QmpCapabilitiesArguments = { enable?: readonly QmpCapabilitiesEnableItem[] }

export type QomGetArguments = { path: string; property: string }

export type QueryNamedBlockNodesArguments = { flat?: boolean }

export type ShutdownData = { guest: boolean; reason: ShutdownReason }

export type QmpCapabilitiesEnableItem = 'oob'

export type ShutdownReason =
  | 'none'
  | 'host-error'
  | 'host-qmp-quit'
  | 'host-qmp-system-reset'
  | 'host-signal'
  | 'host-ui'
  | 'guest-shutdown'
  | 'guest-reset'
  | 'guest-panic'
  | 'subsystem-reset'
  | 'snapshot-load'

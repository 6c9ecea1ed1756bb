// Made by scripts/qmp-schema.ts from query-qmp-schema of QEMU 7.2.22. Do not edit: types only, nothing of it is left at run time.

/** The commands that nbsvm uses, and what each takes. Integers are JavaScript numbers, so exact up to 2^53. */

export interface Commands {
  'announce-self': { initial: number; max: number; rounds: number; step: number } & Record<string, unknown>
  balloon: BalloonArguments
  'block-dirty-bitmap-remove': BlockDirtyBitmapRemoveArguments
  'block-export-add': { type: 'nbd'; id: string; 'node-name': string; name?: string; writable?: boolean } & Record<
    string,
    unknown
  >
  'block-job-cancel': { device: string; force?: boolean } & Record<string, unknown>
  'block-job-dismiss': { id: string } & Record<string, unknown>
  block_resize: BlockResizeArguments
  'blockdev-add': { driver: string; 'node-name'?: string } & Record<string, unknown>
  'blockdev-close-tray': BlockdevCloseTrayArguments
  'blockdev-del': BlockdevDelArguments
  'blockdev-insert-medium': BlockdevInsertMediumArguments
  'blockdev-mirror': {
    'job-id': string
    device: string
    target: string
    sync: 'full'
    'copy-mode': 'background'
    'auto-dismiss': boolean
  } & Record<string, unknown>
  'blockdev-open-tray': BlockdevOpenTrayArguments
  'blockdev-remove-medium': BlockdevRemoveMediumArguments
  'blockdev-snapshot': BlockdevSnapshotArguments
  'chardev-add': {
    id: string
    backend: { type: 'file'; data: { out: string; append: boolean } } | { type: 'pipe'; data: { device: string } }
  } & Record<string, unknown>
  'chardev-remove': ChardevRemoveArguments
  cont: Nothing
  device_add: { driver: string; id?: string; bus?: string } & Record<string, unknown>
  device_del: DeviceDelArguments
  'human-monitor-command': HumanMonitorCommandArguments
  qmp_capabilities: QmpCapabilitiesArguments
  'qom-get': QomGetArguments
  'qom-set': { path: string; property: string; value: boolean } & Record<string, unknown>
  migrate: { uri: string } & Record<string, unknown>
  'migrate-continue': { state: 'pre-switchover' } & Record<string, unknown>
  'migrate-incoming': { uri: string } & Record<string, unknown>
  'migrate-set-capabilities': { capabilities: readonly { capability: string; state: boolean }[] } & Record<string, unknown>
  'migrate-set-parameters': { 'max-bandwidth'?: number; 'downtime-limit'?: number } & Record<string, unknown>
  migrate_cancel: Nothing
  'nbd-server-start': { addr: { type: 'unix'; data: { path: string } } } & Record<string, unknown>
  'nbd-server-stop': Nothing
  'query-balloon': Nothing
  'query-block': Nothing
  'query-block-jobs': Nothing
  'query-blockstats': QueryBlockstatsArguments
  'query-chardev': Nothing
  'query-cpus-fast': Nothing
  'query-kvm': Nothing
  'query-memdev': Nothing
  'query-migrate': Nothing
  'query-name': Nothing
  'query-named-block-nodes': QueryNamedBlockNodesArguments
  'query-status': Nothing
  quit: Nothing
  screendump: ScreendumpArguments
  'send-key': SendKeyArguments
  set_link: SetLinkArguments
  stop: Nothing
  system_powerdown: Nothing
  system_reset: Nothing
  system_wakeup: Nothing
  transaction: { actions: readonly { type: string; data: Record<string, unknown> }[] } & Record<string, unknown>
  /** Not in every release. */
  'blockdev-set-active': { active: boolean }
}

/** The events that nbsvm knows, and what QEMU says that it tells with them. */

export interface Events {
  DEVICE_DELETED: DeviceDeletedData
  MIGRATION: MigrationData
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

export type BalloonArguments = { value: number }

export type BlockDirtyBitmapRemoveArguments = { node: string; name: string }

export type BlockResizeArguments = { device?: string; 'node-name'?: string; size: number }

export type BlockdevCloseTrayArguments = { /** @deprecated */ device?: string; id?: string }

export type BlockdevDelArguments = { 'node-name': string }

export type BlockdevInsertMediumArguments = { id: string; 'node-name': string }

export type BlockdevOpenTrayArguments = { /** @deprecated */ device?: string; id?: string; force?: boolean }

export type BlockdevRemoveMediumArguments = { id: string }

export type BlockdevSnapshotArguments = { node: string; overlay: string }

export type ChardevRemoveArguments = { id: string }

export type DeviceDelArguments = { id: string }

export type HumanMonitorCommandArguments = { 'command-line': string; 'cpu-index'?: number }

export type QmpCapabilitiesArguments = { enable?: readonly QmpCapabilitiesEnableItem[] }

export type QomGetArguments = { path: string; property: string }

export type QueryBlockstatsArguments = { 'query-nodes'?: boolean }

export type QueryNamedBlockNodesArguments = { flat?: boolean }

export type ScreendumpArguments = { filename: string; device?: string; head?: number; format?: ScreendumpFormat }

export type SendKeyArguments = { keys: readonly SendKeyKey[]; 'hold-time'?: number }

export type SetLinkArguments = { name: string; up: boolean }

export type DeviceDeletedData = { device?: string; path: string }

export type MigrationData = { status: MigrationStatus }

export type ShutdownData = { guest: boolean; reason: ShutdownReason }

export type QmpCapabilitiesEnableItem = 'oob'

export type ScreendumpFormat = 'ppm' | 'png'

export type SendKeyKey = ({ type: 'number' } & SendKeyKeyNumber) | ({ type: 'qcode' } & SendKeyKeyQcode)

export type MigrationStatus =
  | 'none'
  | 'setup'
  | 'cancelling'
  | 'cancelled'
  | 'active'
  | 'postcopy-active'
  | 'postcopy-paused'
  | 'postcopy-recover'
  | 'completed'
  | 'failed'
  | 'colo'
  | 'pre-switchover'
  | 'device'
  | 'wait-unplug'

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

export type SendKeyKeyNumber = { data: number }

export type SendKeyKeyQcode = { data: SendKeyKeyQcodeData }

export type SendKeyKeyQcodeData =
  | 'unmapped'
  | 'shift'
  | 'shift_r'
  | 'alt'
  | 'alt_r'
  | 'ctrl'
  | 'ctrl_r'
  | 'menu'
  | 'esc'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '0'
  | 'minus'
  | 'equal'
  | 'backspace'
  | 'tab'
  | 'q'
  | 'w'
  | 'e'
  | 'r'
  | 't'
  | 'y'
  | 'u'
  | 'i'
  | 'o'
  | 'p'
  | 'bracket_left'
  | 'bracket_right'
  | 'ret'
  | 'a'
  | 's'
  | 'd'
  | 'f'
  | 'g'
  | 'h'
  | 'j'
  | 'k'
  | 'l'
  | 'semicolon'
  | 'apostrophe'
  | 'grave_accent'
  | 'backslash'
  | 'z'
  | 'x'
  | 'c'
  | 'v'
  | 'b'
  | 'n'
  | 'm'
  | 'comma'
  | 'dot'
  | 'slash'
  | 'asterisk'
  | 'spc'
  | 'caps_lock'
  | 'f1'
  | 'f2'
  | 'f3'
  | 'f4'
  | 'f5'
  | 'f6'
  | 'f7'
  | 'f8'
  | 'f9'
  | 'f10'
  | 'num_lock'
  | 'scroll_lock'
  | 'kp_divide'
  | 'kp_multiply'
  | 'kp_subtract'
  | 'kp_add'
  | 'kp_enter'
  | 'kp_decimal'
  | 'sysrq'
  | 'kp_0'
  | 'kp_1'
  | 'kp_2'
  | 'kp_3'
  | 'kp_4'
  | 'kp_5'
  | 'kp_6'
  | 'kp_7'
  | 'kp_8'
  | 'kp_9'
  | 'less'
  | 'f11'
  | 'f12'
  | 'print'
  | 'home'
  | 'pgup'
  | 'pgdn'
  | 'end'
  | 'left'
  | 'up'
  | 'down'
  | 'right'
  | 'insert'
  | 'delete'
  | 'stop'
  | 'again'
  | 'props'
  | 'undo'
  | 'front'
  | 'copy'
  | 'open'
  | 'paste'
  | 'find'
  | 'cut'
  | 'lf'
  | 'help'
  | 'meta_l'
  | 'meta_r'
  | 'compose'
  | 'pause'
  | 'ro'
  | 'hiragana'
  | 'henkan'
  | 'yen'
  | 'muhenkan'
  | 'katakanahiragana'
  | 'kp_comma'
  | 'kp_equals'
  | 'power'
  | 'sleep'
  | 'wake'
  | 'audionext'
  | 'audioprev'
  | 'audiostop'
  | 'audioplay'
  | 'audiomute'
  | 'volumeup'
  | 'volumedown'
  | 'mediaselect'
  | 'mail'
  | 'calculator'
  | 'computer'
  | 'ac_home'
  | 'ac_back'
  | 'ac_forward'
  | 'ac_refresh'
  | 'ac_bookmarks'
  | 'lang1'
  | 'lang2'

// Made by scripts/qmp-schema.ts from query-qmp-schema of QEMU 7.2.22. Do not edit: types only, nothing of it is left at run time.

/* oxlint-disable max-lines -- one table, written by a program */

/** The commands that nbsvm uses: what each takes and returns. Integers are JavaScript numbers, so exact up to 2^53. */

export interface Commands {
  'add-fd': { arguments: AddFdArguments; result: AddFdResult }
  balloon: { arguments: BalloonArguments; result: Nothing }
  'block-commit': { arguments: BlockCommitArguments; result: Nothing }
  'block-job-cancel': { arguments: BlockJobCancelArguments; result: Nothing }
  'block-job-complete': { arguments: BlockJobCompleteArguments; result: Nothing }
  'block-job-dismiss': { arguments: BlockJobDismissArguments; result: Nothing }
  'block-stream': { arguments: BlockStreamArguments; result: Nothing }
  block_resize: { arguments: BlockResizeArguments; result: Nothing }
  'blockdev-add': { arguments: BlockdevAddArguments; result: Nothing }
  'blockdev-change-medium': { arguments: BlockdevChangeMediumArguments; result: Nothing }
  'blockdev-del': { arguments: BlockdevDelArguments; result: Nothing }
  'blockdev-mirror': { arguments: BlockdevMirrorArguments; result: Nothing }
  'blockdev-reopen': { arguments: BlockdevReopenArguments; result: Nothing }
  'blockdev-snapshot': { arguments: BlockdevSnapshotArguments; result: Nothing }
  'chardev-add': { arguments: ChardevAddArguments; result: ChardevAddResult }
  'chardev-change': { arguments: ChardevChangeArguments; result: ChardevAddResult }
  'chardev-remove': { arguments: ChardevRemoveArguments; result: Nothing }
  closefd: { arguments: ClosefdArguments; result: Nothing }
  cont: { arguments: Nothing; result: Nothing }
  device_add: { arguments: DeviceAddArguments & Record<string, unknown>; result: Nothing }
  device_del: { arguments: DeviceDelArguments; result: Nothing }
  'dump-guest-memory': { arguments: DumpGuestMemoryArguments; result: Nothing }
  eject: { arguments: EjectArguments; result: Nothing }
  getfd: { arguments: GetfdArguments; result: Nothing }
  'human-monitor-command': { arguments: HumanMonitorCommandArguments; result: string }
  'inject-nmi': { arguments: Nothing; result: Nothing }
  'input-send-event': { arguments: InputSendEventArguments; result: Nothing }
  'job-cancel': { arguments: JobCancelArguments; result: Nothing }
  'job-complete': { arguments: JobCompleteArguments; result: Nothing }
  'job-dismiss': { arguments: JobDismissArguments; result: Nothing }
  'job-finalize': { arguments: JobFinalizeArguments; result: Nothing }
  migrate: { arguments: MigrateArguments; result: Nothing }
  'migrate-continue': { arguments: MigrateContinueArguments; result: Nothing }
  'migrate-incoming': { arguments: MigrateIncomingArguments; result: Nothing }
  'migrate-set-capabilities': { arguments: MigrateSetCapabilitiesArguments; result: Nothing }
  'migrate-set-parameters': { arguments: MigrateSetParametersArguments; result: Nothing }
  migrate_cancel: { arguments: Nothing; result: Nothing }
  netdev_add: { arguments: NetdevAddArguments; result: Nothing }
  netdev_del: { arguments: NetdevDelArguments; result: Nothing }
  'object-add': { arguments: ObjectAddArguments; result: Nothing }
  'object-del': { arguments: ObjectDelArguments; result: Nothing }
  qmp_capabilities: { arguments: QmpCapabilitiesArguments; result: Nothing }
  'qom-get': { arguments: QomGetArguments; result: unknown }
  'qom-list': { arguments: QomListArguments; result: readonly QomListResultItem[] }
  'qom-set': { arguments: QomSetArguments; result: Nothing }
  'query-balloon': { arguments: Nothing; result: QueryBalloonResult }
  'query-block': { arguments: Nothing; result: readonly QueryBlockResultItem[] }
  'query-block-jobs': { arguments: Nothing; result: readonly QueryBlockJobsResultItem[] }
  'query-blockstats': { arguments: QueryBlockstatsArguments; result: readonly QueryBlockstatsResultItem[] }
  'query-chardev': { arguments: Nothing; result: readonly QueryChardevResultItem[] }
  'query-commands': { arguments: Nothing; result: readonly QueryCommandsResultItem[] }
  'query-cpus-fast': { arguments: Nothing; result: readonly QueryCpusFastResultItem[] }
  'query-hotpluggable-cpus': { arguments: Nothing; result: readonly QueryHotpluggableCpusResultItem[] }
  'query-iothreads': { arguments: Nothing; result: readonly QueryIothreadsResultItem[] }
  'query-jobs': { arguments: Nothing; result: readonly QueryJobsResultItem[] }
  'query-kvm': { arguments: Nothing; result: QueryKvmResult }
  'query-machines': { arguments: Nothing; result: readonly QueryMachinesResultItem[] }
  'query-memory-devices': { arguments: Nothing; result: readonly QueryMemoryDevicesResultItem[] }
  'query-migrate': { arguments: Nothing; result: QueryMigrateResult }
  'query-migrate-capabilities': { arguments: Nothing; result: readonly QueryMigrateCapabilitiesResultItem[] }
  'query-migrate-parameters': { arguments: Nothing; result: QueryMigrateParametersResult }
  'query-name': { arguments: Nothing; result: QueryNameResult }
  'query-named-block-nodes': { arguments: QueryNamedBlockNodesArguments; result: readonly QueryNamedBlockNodesResultItem[] }
  'query-pci': { arguments: Nothing; result: readonly QueryPciResultItem[] }
  'query-qmp-schema': { arguments: Nothing; result: readonly QueryQmpSchemaResultItem[] }
  'query-rx-filter': { arguments: QueryRxFilterArguments; result: readonly QueryRxFilterResultItem[] }
  'query-status': { arguments: Nothing; result: QueryStatusResult }
  'query-uuid': { arguments: Nothing; result: QueryUuidResult }
  'query-version': { arguments: Nothing; result: QueryVersionResult }
  'query-vm-generation-id': { arguments: Nothing; result: QueryVmGenerationIdResult }
  'query-vnc': { arguments: Nothing; result: QueryVncResult }
  quit: { arguments: Nothing; result: Nothing }
  'remove-fd': { arguments: RemoveFdArguments; result: Nothing }
  screendump: { arguments: ScreendumpArguments; result: Nothing }
  'send-key': { arguments: SendKeyArguments; result: Nothing }
  'set-action': { arguments: SetActionArguments; result: Nothing }
  set_link: { arguments: SetLinkArguments; result: Nothing }
  'snapshot-delete': { arguments: SnapshotDeleteArguments; result: Nothing }
  'snapshot-load': { arguments: SnapshotLoadArguments; result: Nothing }
  'snapshot-save': { arguments: SnapshotSaveArguments; result: Nothing }
  stop: { arguments: Nothing; result: Nothing }
  system_powerdown: { arguments: Nothing; result: Nothing }
  system_reset: { arguments: Nothing; result: Nothing }
  system_wakeup: { arguments: Nothing; result: Nothing }
  transaction: { arguments: TransactionArguments; result: Nothing }
}

/** All events and their data. */

export interface Events {
  ACPI_DEVICE_OST: AcpiDeviceOstData
  BALLOON_CHANGE: BalloonChangeData
  BLOCK_EXPORT_DELETED: BlockExportDeletedData
  BLOCK_IMAGE_CORRUPTED: BlockImageCorruptedData
  BLOCK_IO_ERROR: BlockIoErrorData
  BLOCK_JOB_CANCELLED: BlockJobCancelledData
  BLOCK_JOB_COMPLETED: BlockJobCompletedData
  BLOCK_JOB_ERROR: BlockJobErrorData
  BLOCK_JOB_PENDING: BlockJobPendingData
  BLOCK_JOB_READY: BlockJobReadyData
  BLOCK_WRITE_THRESHOLD: BlockWriteThresholdData
  COLO_EXIT: ColoExitData
  DEVICE_DELETED: DeviceDeletedData
  DEVICE_TRAY_MOVED: DeviceTrayMovedData
  DEVICE_UNPLUG_GUEST_ERROR: DeviceUnplugGuestErrorData
  DUMP_COMPLETED: DumpCompletedData
  FAILOVER_NEGOTIATED: FailoverNegotiatedData
  GUEST_CRASHLOADED: GuestCrashloadedData
  GUEST_PANICKED: GuestPanickedData
  JOB_STATUS_CHANGE: JobStatusChangeData
  MEMORY_DEVICE_SIZE_CHANGE: MemoryDeviceSizeChangeData
  MEMORY_FAILURE: MemoryFailureData
  MEM_UNPLUG_ERROR: MemUnplugErrorData
  MIGRATION: MigrationData
  MIGRATION_PASS: MigrationPassData
  NETDEV_STREAM_CONNECTED: NetdevStreamConnectedData
  NETDEV_STREAM_DISCONNECTED: NetdevStreamDisconnectedData
  NIC_RX_FILTER_CHANGED: NicRxFilterChangedData
  POWERDOWN: Nothing
  PR_MANAGER_STATUS_CHANGED: PrManagerStatusChangedData
  QUORUM_FAILURE: QuorumFailureData
  QUORUM_REPORT_BAD: QuorumReportBadData
  RDMA_GID_STATUS_CHANGED: RdmaGidStatusChangedData
  RESET: ResetData
  RESUME: Nothing
  RTC_CHANGE: RtcChangeData
  SHUTDOWN: ShutdownData
  SPICE_CONNECTED: SpiceConnectedData
  SPICE_DISCONNECTED: SpiceDisconnectedData
  SPICE_INITIALIZED: SpiceInitializedData
  SPICE_MIGRATE_COMPLETED: Nothing
  STOP: Nothing
  SUSPEND: Nothing
  SUSPEND_DISK: Nothing
  UNPLUG_PRIMARY: UnplugPrimaryData
  VFU_CLIENT_HANGUP: VfuClientHangupData
  VNC_CONNECTED: VncConnectedData
  VNC_DISCONNECTED: VncDisconnectedData
  VNC_INITIALIZED: VncInitializedData
  VSERPORT_CHANGE: VserportChangeData
  WAKEUP: Nothing
  WATCHDOG: WatchdogData
}

/** No members at all. */

export type Nothing = Record<string, never>

export type AddFdArguments = { 'fdset-id'?: number; opaque?: string }

export type AddFdResult = { 'fdset-id': number; fd: number }

export type BalloonArguments = { value: number }

export type BlockCommitArguments = {
  'job-id'?: string
  device: string
  'base-node'?: string
  /** @deprecated */ base?: string
  'top-node'?: string
  /** @deprecated */ top?: string
  'backing-file'?: string
  speed?: number
  'on-error'?: BlockCommitOnError
  'filter-node-name'?: string
  'auto-finalize'?: boolean
  'auto-dismiss'?: boolean
}

export type BlockJobCancelArguments = { device: string; force?: boolean }

export type BlockJobCompleteArguments = { device: string }

export type BlockJobDismissArguments = { id: string }

export type BlockStreamArguments = {
  'job-id'?: string
  device: string
  base?: string
  'base-node'?: string
  'backing-file'?: string
  bottom?: string
  speed?: number
  'on-error'?: BlockCommitOnError
  'filter-node-name'?: string
  'auto-finalize'?: boolean
  'auto-dismiss'?: boolean
}

export type BlockResizeArguments = { device?: string; 'node-name'?: string; size: number }

export type BlockdevAddArguments = {
  'node-name'?: string
  discard?: BlockdevAddDiscard
  cache?: BlockdevAddCache
  'read-only'?: boolean
  'auto-read-only'?: boolean
  'force-share'?: boolean
  'detect-zeroes'?: BlockdevAddDetectZeroes
} & (
  | ({ driver: 'blkdebug' } & BlockdevAddArgumentsBlkdebug)
  | ({ driver: 'blklogwrites' } & BlockdevAddArgumentsBlklogwrites)
  | ({ driver: 'blkverify' } & BlockdevAddArgumentsBlkverify)
  | ({ driver: 'blkreplay' } & BlockdevAddArgumentsBlkreplay)
  | ({ driver: 'bochs' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'cloop' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'compress' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'copy-before-write' } & BlockdevAddArgumentsCopyBeforeWrite)
  | ({ driver: 'copy-on-read' } & BlockdevAddArgumentsCopyOnRead)
  | ({ driver: 'dmg' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'file' } & BlockdevAddArgumentsFile)
  | ({ driver: 'ftp' } & BlockdevAddArgumentsFtp)
  | ({ driver: 'ftps' } & BlockdevAddArgumentsFtps)
  | ({ driver: 'gluster' } & BlockdevAddArgumentsGluster)
  | ({ driver: 'host_cdrom' } & BlockdevAddArgumentsFile)
  | ({ driver: 'host_device' } & BlockdevAddArgumentsFile)
  | ({ driver: 'http' } & BlockdevAddArgumentsHttp)
  | ({ driver: 'https' } & BlockdevAddArgumentsHttps)
  | ({ driver: 'iscsi' } & BlockdevAddArgumentsIscsi)
  | ({ driver: 'luks' } & BlockdevAddArgumentsLuks)
  | ({ driver: 'nbd' } & BlockdevAddArgumentsNbd)
  | ({ driver: 'nfs' } & BlockdevAddArgumentsNfs)
  | ({ driver: 'null-aio' } & BlockdevAddArgumentsNullAio)
  | ({ driver: 'null-co' } & BlockdevAddArgumentsNullAio)
  | ({ driver: 'nvme' } & BlockdevAddArgumentsNvme)
  | ({ driver: 'parallels' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'preallocate' } & BlockdevAddArgumentsPreallocate)
  | ({ driver: 'qcow2' } & BlockdevAddArgumentsQcow2)
  | ({ driver: 'qcow' } & BlockdevAddArgumentsQcow)
  | ({ driver: 'qed' } & BlockdevAddArgumentsQed)
  | ({ driver: 'quorum' } & BlockdevAddArgumentsQuorum)
  | ({ driver: 'raw' } & BlockdevAddArgumentsRaw)
  | ({ driver: 'rbd' } & BlockdevAddArgumentsRbd)
  | ({ driver: 'replication' } & BlockdevAddArgumentsReplication)
  | ({ driver: 'snapshot-access' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'ssh' } & BlockdevAddArgumentsSsh)
  | ({ driver: 'throttle' } & BlockdevAddArgumentsThrottle)
  | ({ driver: 'vdi' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'vhdx' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'vmdk' } & BlockdevAddArgumentsQed)
  | ({ driver: 'vpc' } & BlockdevAddArgumentsBochs)
  | ({ driver: 'vvfat' } & BlockdevAddArgumentsVvfat)
)

export type BlockdevChangeMediumArguments = {
  /** @deprecated */ device?: string
  id?: string
  filename: string
  format?: string
  force?: boolean
  'read-only-mode'?: BlockdevChangeMediumReadOnlyMode
}

export type BlockdevDelArguments = { 'node-name': string }

export type BlockdevMirrorArguments = {
  'job-id'?: string
  device: string
  target: string
  replaces?: string
  sync: BlockdevMirrorSync
  speed?: number
  granularity?: number
  'buf-size'?: number
  'on-source-error'?: BlockCommitOnError
  'on-target-error'?: BlockCommitOnError
  'filter-node-name'?: string
  'copy-mode'?: BlockdevMirrorCopyMode
  'auto-finalize'?: boolean
  'auto-dismiss'?: boolean
}

export type BlockdevReopenArguments = { options: readonly BlockdevAddArguments[] }

export type BlockdevSnapshotArguments = { node: string; overlay: string }

export type ChardevAddArguments = { id: string; backend: ChardevAddBackend }

export type ChardevAddResult = { pty?: string }

export type ChardevChangeArguments = { id: string; backend: ChardevAddBackend }

export type ChardevRemoveArguments = { id: string }

export type ClosefdArguments = { fdname: string }

export type DeviceAddArguments = { driver: string; bus?: string; id?: string }

export type DeviceDelArguments = { id: string }

export type DumpGuestMemoryArguments = {
  paging: boolean
  protocol: string
  detach?: boolean
  begin?: number
  length?: number
  format?: DumpGuestMemoryFormat
}

export type EjectArguments = { /** @deprecated */ device?: string; id?: string; force?: boolean }

export type GetfdArguments = { fdname: string }

export type HumanMonitorCommandArguments = { 'command-line': string; 'cpu-index'?: number }

export type InputSendEventArguments = { device?: string; head?: number; events: readonly InputSendEventEvent[] }

export type JobCancelArguments = { id: string }

export type JobCompleteArguments = { id: string }

export type JobDismissArguments = { id: string }

export type JobFinalizeArguments = { id: string }

export type MigrateArguments = { uri: string; blk?: boolean; inc?: boolean; detach?: boolean; resume?: boolean }

export type MigrateContinueArguments = { state: MigrateContinueState }

export type MigrateIncomingArguments = { uri: string }

export type MigrateSetCapabilitiesArguments = { capabilities: readonly QueryMigrateCapabilitiesResultItem[] }

export type MigrateSetParametersArguments = {
  'announce-initial'?: number
  'announce-max'?: number
  'announce-rounds'?: number
  'announce-step'?: number
  'compress-level'?: number
  'compress-threads'?: number
  'compress-wait-thread'?: boolean
  'decompress-threads'?: number
  'throttle-trigger-threshold'?: number
  'cpu-throttle-initial'?: number
  'cpu-throttle-increment'?: number
  'cpu-throttle-tailslow'?: boolean
  'tls-creds'?: MigrateSetParametersTlsCreds
  'tls-hostname'?: MigrateSetParametersTlsCreds
  'tls-authz'?: MigrateSetParametersTlsCreds
  'max-bandwidth'?: number
  'downtime-limit'?: number
  'x-checkpoint-delay'?: number
  'block-incremental'?: boolean
  'multifd-channels'?: number
  'xbzrle-cache-size'?: number
  'max-postcopy-bandwidth'?: number
  'max-cpu-throttle'?: number
  'multifd-compression'?: MigrateSetParametersMultifdCompression
  'multifd-zlib-level'?: number
  'multifd-zstd-level'?: number
  'block-bitmap-mapping'?: readonly MigrateSetParametersBlockBitmapMappingItem[]
}

export type NetdevAddArguments = { id: string } & (
  | ({ type: 'nic' } & NetdevAddArgumentsNic)
  | ({ type: 'user' } & NetdevAddArgumentsUser)
  | ({ type: 'tap' } & NetdevAddArgumentsTap)
  | ({ type: 'l2tpv3' } & NetdevAddArgumentsL2tpv3)
  | ({ type: 'socket' } & NetdevAddArgumentsSocket)
  | ({ type: 'stream' } & NetdevAddArgumentsStream)
  | ({ type: 'dgram' } & NetdevAddArgumentsDgram)
  | ({ type: 'vde' } & NetdevAddArgumentsVde)
  | ({ type: 'bridge' } & NetdevAddArgumentsBridge)
  | ({ type: 'hubport' } & NetdevAddArgumentsHubport)
  | ({ type: 'netmap' } & NetdevAddArgumentsNetmap)
  | ({ type: 'vhost-user' } & NetdevAddArgumentsVhostUser)
  | ({ type: 'vhost-vdpa' } & NetdevAddArgumentsVhostVdpa)
  | { type: 'none' }
)

export type NetdevDelArguments = { id: string }

export type ObjectAddArguments = { id: string } & (
  | ({ 'qom-type': 'authz-list' } & ObjectAddArgumentsAuthzList)
  | ({ 'qom-type': 'authz-listfile' } & ObjectAddArgumentsAuthzListfile)
  | ({ 'qom-type': 'authz-pam' } & ObjectAddArgumentsAuthzPam)
  | ({ 'qom-type': 'authz-simple' } & ObjectAddArgumentsAuthzSimple)
  | ({ 'qom-type': 'can-host-socketcan' } & ObjectAddArgumentsCanHostSocketcan)
  | ({ 'qom-type': 'colo-compare' } & ObjectAddArgumentsColoCompare)
  | ({ 'qom-type': 'cryptodev-backend' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-backend-builtin' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-backend-lkcf' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-vhost-user' } & ObjectAddArgumentsCryptodevVhostUser)
  | ({ 'qom-type': 'dbus-vmstate' } & ObjectAddArgumentsDbusVmstate)
  | ({ 'qom-type': 'filter-buffer' } & ObjectAddArgumentsFilterBuffer)
  | ({ 'qom-type': 'filter-dump' } & ObjectAddArgumentsFilterDump)
  | ({ 'qom-type': 'filter-mirror' } & ObjectAddArgumentsFilterMirror)
  | ({ 'qom-type': 'filter-redirector' } & ObjectAddArgumentsFilterRedirector)
  | ({ 'qom-type': 'filter-replay' } & ObjectAddArgumentsFilterReplay)
  | ({ 'qom-type': 'filter-rewriter' } & ObjectAddArgumentsFilterRewriter)
  | ({ 'qom-type': 'input-barrier' } & ObjectAddArgumentsInputBarrier)
  | ({ 'qom-type': 'input-linux' } & ObjectAddArgumentsInputLinux)
  | ({ 'qom-type': 'iothread' } & ObjectAddArgumentsIothread)
  | ({ 'qom-type': 'main-loop' } & ObjectAddArgumentsMainLoop)
  | ({ 'qom-type': 'memory-backend-epc' } & ObjectAddArgumentsMemoryBackendEpc)
  | ({ 'qom-type': 'memory-backend-file' } & ObjectAddArgumentsMemoryBackendFile)
  | ({ 'qom-type': 'memory-backend-memfd' } & ObjectAddArgumentsMemoryBackendMemfd)
  | ({ 'qom-type': 'memory-backend-ram' } & ObjectAddArgumentsMemoryBackendRam)
  | ({ 'qom-type': 'pr-manager-helper' } & ObjectAddArgumentsPrManagerHelper)
  | ({ 'qom-type': 'qtest' } & ObjectAddArgumentsQtest)
  | ({ 'qom-type': 'rng-builtin' } & ObjectAddArgumentsRngBuiltin)
  | ({ 'qom-type': 'rng-egd' } & ObjectAddArgumentsRngEgd)
  | ({ 'qom-type': 'rng-random' } & ObjectAddArgumentsRngRandom)
  | ({ 'qom-type': 'secret' } & ObjectAddArgumentsSecret)
  | ({ 'qom-type': 'secret_keyring' } & ObjectAddArgumentsSecretKeyring)
  | ({ 'qom-type': 'sev-guest' } & ObjectAddArgumentsSevGuest)
  | ({ 'qom-type': 'thread-context' } & ObjectAddArgumentsThreadContext)
  | ({ 'qom-type': 'throttle-group' } & ObjectAddArgumentsThrottleGroup)
  | ({ 'qom-type': 'tls-creds-anon' } & ObjectAddArgumentsTlsCredsAnon)
  | ({ 'qom-type': 'tls-creds-psk' } & ObjectAddArgumentsTlsCredsPsk)
  | ({ 'qom-type': 'tls-creds-x509' } & ObjectAddArgumentsTlsCredsX509)
  | ({ 'qom-type': 'tls-cipher-suites' } & ObjectAddArgumentsTlsCipherSuites)
  | ({ 'qom-type': 'x-remote-object' } & ObjectAddArgumentsXRemoteObject)
  | ({ 'qom-type': 'x-vfio-user-server' } & ObjectAddArgumentsXVfioUserServer)
  | { 'qom-type': 'can-bus' }
  | { 'qom-type': 'pef-guest' }
  | { 'qom-type': 's390-pv-guest' }
)

export type ObjectDelArguments = { id: string }

export type QmpCapabilitiesArguments = { enable?: readonly QmpCapabilitiesEnableItem[] }

export type QomGetArguments = { path: string; property: string }

export type QomListArguments = { path: string }

export type QomListResultItem = { name: string; type: string; description?: string; 'default-value'?: unknown }

export type QomSetArguments = { path: string; property: string; value: unknown }

export type QueryBalloonResult = { actual: number }

export type QueryBlockResultItem = {
  device: string
  qdev?: string
  type: string
  removable: boolean
  locked: boolean
  inserted?: QueryNamedBlockNodesResultItem
  tray_open?: boolean
  'io-status'?: QueryBlockResultItemIoStatus
}

export type QueryBlockJobsResultItem = {
  type: string
  device: string
  len: number
  offset: number
  busy: boolean
  paused: boolean
  speed: number
  'io-status': QueryBlockResultItemIoStatus
  ready: boolean
  status: QueryBlockJobsResultItemStatus
  'auto-finalize': boolean
  'auto-dismiss': boolean
  error?: string
}

export type QueryBlockstatsArguments = { 'query-nodes'?: boolean }

export type QueryBlockstatsResultItem = {
  device?: string
  qdev?: string
  'node-name'?: string
  stats: QueryBlockstatsResultItemStats
  'driver-specific'?: QueryBlockstatsResultItemDriverSpecific
  parent?: QueryBlockstatsResultItem
  backing?: QueryBlockstatsResultItem
}

export type QueryChardevResultItem = { label: string; filename: string; 'frontend-open': boolean }

export type QueryCommandsResultItem = { name: string }

export type QueryCpusFastResultItem = {
  'cpu-index': number
  'qom-path': string
  'thread-id': number
  props?: QueryCpusFastResultItemProps
} & (
  | ({ target: 's390x' } & QueryCpusFastResultItemS390x)
  | { target: 'aarch64' }
  | { target: 'alpha' }
  | { target: 'arm' }
  | { target: 'avr' }
  | { target: 'cris' }
  | { target: 'hppa' }
  | { target: 'i386' }
  | { target: 'loongarch64' }
  | { target: 'm68k' }
  | { target: 'microblaze' }
  | { target: 'microblazeel' }
  | { target: 'mips' }
  | { target: 'mips64' }
  | { target: 'mips64el' }
  | { target: 'mipsel' }
  | { target: 'nios2' }
  | { target: 'or1k' }
  | { target: 'ppc' }
  | { target: 'ppc64' }
  | { target: 'riscv32' }
  | { target: 'riscv64' }
  | { target: 'rx' }
  | { target: 'sh4' }
  | { target: 'sh4eb' }
  | { target: 'sparc' }
  | { target: 'sparc64' }
  | { target: 'tricore' }
  | { target: 'x86_64' }
  | { target: 'xtensa' }
  | { target: 'xtensaeb' }
)

export type QueryHotpluggableCpusResultItem = {
  type: string
  'vcpus-count': number
  props: QueryCpusFastResultItemProps
  'qom-path'?: string
}

export type QueryIothreadsResultItem = {
  id: string
  'thread-id': number
  'poll-max-ns': number
  'poll-grow': number
  'poll-shrink': number
  'aio-max-batch': number
}

export type QueryJobsResultItem = {
  id: string
  type: QueryJobsResultItemType
  status: QueryBlockJobsResultItemStatus
  'current-progress': number
  'total-progress': number
  error?: string
}

export type QueryKvmResult = { enabled: boolean; present: boolean }

export type QueryMachinesResultItem = {
  name: string
  alias?: string
  'is-default'?: boolean
  'cpu-max': number
  'hotpluggable-cpus': boolean
  'numa-mem-supported': boolean
  deprecated: boolean
  'default-cpu-type'?: string
  'default-ram-id'?: string
}

export type QueryMemoryDevicesResultItem =
  | ({ type: 'dimm' } & QueryMemoryDevicesResultItemDimm)
  | ({ type: 'nvdimm' } & QueryMemoryDevicesResultItemDimm)
  | ({ type: 'virtio-pmem' } & QueryMemoryDevicesResultItemVirtioPmem)
  | ({ type: 'virtio-mem' } & QueryMemoryDevicesResultItemVirtioMem)
  | ({ type: 'sgx-epc' } & QueryMemoryDevicesResultItemSgxEpc)

export type QueryMigrateResult = {
  status?: MigrateContinueState
  ram?: QueryMigrateRam
  disk?: QueryMigrateRam
  vfio?: QueryMigrateVfio
  'xbzrle-cache'?: QueryMigrateXbzrleCache
  'total-time'?: number
  'expected-downtime'?: number
  downtime?: number
  'setup-time'?: number
  'cpu-throttle-percentage'?: number
  'error-desc'?: string
  'blocked-reasons'?: readonly string[]
  'postcopy-blocktime'?: number
  'postcopy-vcpu-blocktime'?: readonly number[]
  compression?: QueryMigrateCompression
  'socket-address'?: readonly QueryMigrateSocketAddressItem[]
}

export type QueryMigrateCapabilitiesResultItem = { capability: QueryMigrateCapabilitiesResultItemCapability; state: boolean }

export type QueryMigrateParametersResult = {
  'announce-initial'?: number
  'announce-max'?: number
  'announce-rounds'?: number
  'announce-step'?: number
  'compress-level'?: number
  'compress-threads'?: number
  'compress-wait-thread'?: boolean
  'decompress-threads'?: number
  'throttle-trigger-threshold'?: number
  'cpu-throttle-initial'?: number
  'cpu-throttle-increment'?: number
  'cpu-throttle-tailslow'?: boolean
  'tls-creds'?: string
  'tls-hostname'?: string
  'tls-authz'?: string
  'max-bandwidth'?: number
  'downtime-limit'?: number
  'x-checkpoint-delay'?: number
  'block-incremental'?: boolean
  'multifd-channels'?: number
  'xbzrle-cache-size'?: number
  'max-postcopy-bandwidth'?: number
  'max-cpu-throttle'?: number
  'multifd-compression'?: MigrateSetParametersMultifdCompression
  'multifd-zlib-level'?: number
  'multifd-zstd-level'?: number
  'block-bitmap-mapping'?: readonly MigrateSetParametersBlockBitmapMappingItem[]
}

export type QueryNameResult = { name?: string }

export type QueryNamedBlockNodesArguments = { flat?: boolean }

export type QueryNamedBlockNodesResultItem = {
  file: string
  'node-name'?: string
  ro: boolean
  drv: string
  backing_file?: string
  backing_file_depth: number
  encrypted: boolean
  detect_zeroes: BlockdevAddDetectZeroes
  bps: number
  bps_rd: number
  bps_wr: number
  iops: number
  iops_rd: number
  iops_wr: number
  image: QueryNamedBlockNodesResultItemImage
  bps_max?: number
  bps_rd_max?: number
  bps_wr_max?: number
  iops_max?: number
  iops_rd_max?: number
  iops_wr_max?: number
  bps_max_length?: number
  bps_rd_max_length?: number
  bps_wr_max_length?: number
  iops_max_length?: number
  iops_rd_max_length?: number
  iops_wr_max_length?: number
  iops_size?: number
  group?: string
  cache: QueryNamedBlockNodesResultItemCache
  write_threshold: number
  'dirty-bitmaps'?: readonly QueryNamedBlockNodesResultItemDirtyBitmap[]
}

export type QueryPciResultItem = { bus: number; devices: readonly QueryPciResultItemDevice[] }

export type QueryQmpSchemaResultItem = { name: string; features?: readonly string[] } & (
  | ({ 'meta-type': 'builtin' } & QueryQmpSchemaResultItemBuiltin)
  | ({ 'meta-type': 'enum' } & QueryQmpSchemaResultItemEnum)
  | ({ 'meta-type': 'array' } & QueryQmpSchemaResultItemArray)
  | ({ 'meta-type': 'object' } & QueryQmpSchemaResultItemObject)
  | ({ 'meta-type': 'alternate' } & QueryQmpSchemaResultItemAlternate)
  | ({ 'meta-type': 'command' } & QueryQmpSchemaResultItemCommand)
  | ({ 'meta-type': 'event' } & QueryQmpSchemaResultItemEvent)
)

export type QueryRxFilterArguments = { name?: string }

export type QueryRxFilterResultItem = {
  name: string
  promiscuous: boolean
  multicast: QueryRxFilterResultItemMulticast
  unicast: QueryRxFilterResultItemMulticast
  vlan: QueryRxFilterResultItemMulticast
  'broadcast-allowed': boolean
  'multicast-overflow': boolean
  'unicast-overflow': boolean
  'main-mac': string
  'vlan-table': readonly number[]
  'unicast-table': readonly string[]
  'multicast-table': readonly string[]
}

export type QueryStatusResult = { running: boolean; singlestep: boolean; status: QueryStatusStatus }

export type QueryUuidResult = { UUID: string }

export type QueryVersionResult = { qemu: QueryVersionQemu; package: string }

export type QueryVmGenerationIdResult = { guid: string }

export type QueryVncResult = {
  enabled: boolean
  host?: string
  family?: QueryVncFamily
  service?: string
  auth?: string
  clients?: readonly QueryVncClient[]
}

export type RemoveFdArguments = { 'fdset-id': number; fd?: number }

export type ScreendumpArguments = { filename: string; device?: string; head?: number; format?: ScreendumpFormat }

export type SendKeyArguments = { keys: readonly SendKeyKey[]; 'hold-time'?: number }

export type SetActionArguments = {
  reboot?: SetActionReboot
  shutdown?: SetActionShutdown
  panic?: SetActionPanic
  watchdog?: SetActionWatchdog
}

export type SetLinkArguments = { name: string; up: boolean }

export type SnapshotDeleteArguments = { 'job-id': string; tag: string; devices: readonly string[] }

export type SnapshotLoadArguments = { 'job-id': string; tag: string; vmstate: string; devices: readonly string[] }

export type SnapshotSaveArguments = { 'job-id': string; tag: string; vmstate: string; devices: readonly string[] }

export type TransactionArguments = { actions: readonly TransactionAction[]; properties?: TransactionProperties }

export type AcpiDeviceOstData = { info: AcpiDeviceOstDataInfo }

export type BalloonChangeData = { actual: number }

export type BlockExportDeletedData = { id: string }

export type BlockImageCorruptedData = {
  device: string
  'node-name'?: string
  msg: string
  offset?: number
  size?: number
  fatal: boolean
}

export type BlockIoErrorData = {
  device: string
  'node-name'?: string
  operation: BlockIoErrorDataOperation
  action: BlockIoErrorDataAction
  nospace?: boolean
  reason: string
}

export type BlockJobCancelledData = { type: QueryJobsResultItemType; device: string; len: number; offset: number; speed: number }

export type BlockJobCompletedData = {
  type: QueryJobsResultItemType
  device: string
  len: number
  offset: number
  speed: number
  error?: string
}

export type BlockJobErrorData = { device: string; operation: BlockIoErrorDataOperation; action: BlockIoErrorDataAction }

export type BlockJobPendingData = { type: QueryJobsResultItemType; id: string }

export type BlockJobReadyData = { type: QueryJobsResultItemType; device: string; len: number; offset: number; speed: number }

export type BlockWriteThresholdData = { 'node-name': string; 'amount-exceeded': number; 'write-threshold': number }

export type ColoExitData = { mode: ColoExitDataMode; reason: ColoExitDataReason }

export type DeviceDeletedData = { device?: string; path: string }

export type DeviceTrayMovedData = { device: string; id: string; 'tray-open': boolean }

export type DeviceUnplugGuestErrorData = { device?: string; path: string }

export type DumpCompletedData = { result: DumpCompletedDataResult; error?: string }

export type FailoverNegotiatedData = { 'device-id': string }

export type GuestCrashloadedData = { action: GuestCrashloadedDataAction; info?: GuestCrashloadedDataInfo }

export type GuestPanickedData = { action: GuestCrashloadedDataAction; info?: GuestCrashloadedDataInfo }

export type JobStatusChangeData = { id: string; status: QueryBlockJobsResultItemStatus }

export type MemoryDeviceSizeChangeData = { id?: string; size: number; 'qom-path': string }

export type MemoryFailureData = {
  recipient: MemoryFailureDataRecipient
  action: MemoryFailureDataAction
  flags: MemoryFailureDataFlags
}

export type MemUnplugErrorData = { device: string; msg: string }

export type MigrationData = { status: MigrateContinueState }

export type MigrationPassData = { pass: number }

export type NetdevStreamConnectedData = { 'netdev-id': string; addr: QueryMigrateSocketAddressItem }

export type NetdevStreamDisconnectedData = { 'netdev-id': string }

export type NicRxFilterChangedData = { name?: string; path: string }

export type PrManagerStatusChangedData = { id: string; connected: boolean }

export type QuorumFailureData = { reference: string; 'sector-num': number; 'sectors-count': number }

export type QuorumReportBadData = {
  type: QuorumReportBadDataType
  error?: string
  'node-name': string
  'sector-num': number
  'sectors-count': number
}

export type RdmaGidStatusChangedData = { netdev: string; 'gid-status': boolean; 'subnet-prefix': number; 'interface-id': number }

export type ResetData = { guest: boolean; reason: ResetDataReason }

export type RtcChangeData = { offset: number; 'qom-path': string }

export type ShutdownData = { guest: boolean; reason: ResetDataReason }

export type SpiceConnectedData = { server: SpiceConnectedDataServer; client: SpiceConnectedDataServer }

export type SpiceDisconnectedData = { server: SpiceConnectedDataServer; client: SpiceConnectedDataServer }

export type SpiceInitializedData = { server: SpiceInitializedDataServer; client: SpiceInitializedDataClient }

export type UnplugPrimaryData = { 'device-id': string }

export type VfuClientHangupData = { 'vfu-id': string; 'vfu-qom-path': string; 'dev-id': string; 'dev-qom-path': string }

export type VncConnectedData = { server: VncConnectedDataServer; client: VncConnectedDataClient }

export type VncDisconnectedData = { server: VncConnectedDataServer; client: QueryVncClient }

export type VncInitializedData = { server: VncConnectedDataServer; client: QueryVncClient }

export type VserportChangeData = { id: string; open: boolean }

export type WatchdogData = { action: SetActionWatchdog }

export type BlockCommitOnError = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto'

export type BlockdevAddDiscard = 'ignore' | 'unmap'

export type BlockdevAddCache = { direct?: boolean; 'no-flush'?: boolean }

export type BlockdevAddDetectZeroes = 'off' | 'on' | 'unmap'

export type BlockdevAddArgumentsBlkdebug = {
  image: BlockdevAddArgumentsBlkdebugImage
  config?: string
  align?: number
  'max-transfer'?: number
  'opt-write-zero'?: number
  'max-write-zero'?: number
  'opt-discard'?: number
  'max-discard'?: number
  'inject-error'?: readonly BlockdevAddArgumentsBlkdebugInjectErrorItem[]
  'set-state'?: readonly BlockdevAddArgumentsBlkdebugSetStateItem[]
  'take-child-perms'?: readonly BlockdevAddArgumentsBlkdebugTakeChildPerm[]
  'unshare-child-perms'?: readonly BlockdevAddArgumentsBlkdebugTakeChildPerm[]
}

export type BlockdevAddArgumentsBlklogwrites = {
  file: BlockdevAddArgumentsBlkdebugImage
  log: BlockdevAddArgumentsBlkdebugImage
  'log-sector-size'?: number
  'log-append'?: boolean
  'log-super-update-interval'?: number
}

export type BlockdevAddArgumentsBlkverify = { test: BlockdevAddArgumentsBlkdebugImage; raw: BlockdevAddArgumentsBlkdebugImage }

export type BlockdevAddArgumentsBlkreplay = { image: BlockdevAddArgumentsBlkdebugImage }

export type BlockdevAddArgumentsBochs = { file: BlockdevAddArgumentsBlkdebugImage }

export type BlockdevAddArgumentsCopyBeforeWrite = {
  file: BlockdevAddArgumentsBlkdebugImage
  target: BlockdevAddArgumentsBlkdebugImage
  bitmap?: BlockdevAddArgumentsCopyBeforeWriteBitmap
  'on-cbw-error'?: BlockdevAddArgumentsCopyBeforeWriteOnCbwError
  'cbw-timeout'?: number
}

export type BlockdevAddArgumentsCopyOnRead = { file: BlockdevAddArgumentsBlkdebugImage; bottom?: string }

export type BlockdevAddArgumentsFile = {
  filename: string
  'pr-manager'?: string
  locking?: BlockdevAddArgumentsFileLocking
  aio?: BlockdevAddArgumentsFileAio
  'aio-max-batch'?: number
  'drop-cache'?: boolean
  'x-check-cache-dropped'?: boolean
}

export type BlockdevAddArgumentsFtp = {
  url: string
  readahead?: number
  timeout?: number
  username?: string
  'password-secret'?: string
  'proxy-username'?: string
  'proxy-password-secret'?: string
}

export type BlockdevAddArgumentsFtps = {
  url: string
  readahead?: number
  timeout?: number
  username?: string
  'password-secret'?: string
  'proxy-username'?: string
  'proxy-password-secret'?: string
  sslverify?: boolean
}

export type BlockdevAddArgumentsGluster = {
  volume: string
  path: string
  server: readonly QueryMigrateSocketAddressItem[]
  debug?: number
  logfile?: string
}

export type BlockdevAddArgumentsHttp = {
  url: string
  readahead?: number
  timeout?: number
  username?: string
  'password-secret'?: string
  'proxy-username'?: string
  'proxy-password-secret'?: string
  cookie?: string
  'cookie-secret'?: string
}

export type BlockdevAddArgumentsHttps = {
  url: string
  readahead?: number
  timeout?: number
  username?: string
  'password-secret'?: string
  'proxy-username'?: string
  'proxy-password-secret'?: string
  cookie?: string
  sslverify?: boolean
  'cookie-secret'?: string
}

export type BlockdevAddArgumentsIscsi = {
  transport: BlockdevAddArgumentsIscsiTransport
  portal: string
  target: string
  lun?: number
  user?: string
  'password-secret'?: string
  'initiator-name'?: string
  'header-digest'?: BlockdevAddArgumentsIscsiHeaderDigest
  timeout?: number
}

export type BlockdevAddArgumentsLuks = { file: BlockdevAddArgumentsBlkdebugImage; 'key-secret'?: string }

export type BlockdevAddArgumentsNbd = {
  server: QueryMigrateSocketAddressItem
  export?: string
  'tls-creds'?: string
  'tls-hostname'?: string
  'x-dirty-bitmap'?: string
  'reconnect-delay'?: number
  'open-timeout'?: number
}

export type BlockdevAddArgumentsNfs = {
  server: BlockdevAddArgumentsNfsServer
  path: string
  user?: number
  group?: number
  'tcp-syn-count'?: number
  'readahead-size'?: number
  'page-cache-size'?: number
  debug?: number
}

export type BlockdevAddArgumentsNullAio = { size?: number; 'latency-ns'?: number; 'read-zeroes'?: boolean }

export type BlockdevAddArgumentsNvme = { device: string; namespace: number }

export type BlockdevAddArgumentsPreallocate = {
  file: BlockdevAddArgumentsBlkdebugImage
  'prealloc-align'?: number
  'prealloc-size'?: number
}

export type BlockdevAddArgumentsQcow2 = {
  file: BlockdevAddArgumentsBlkdebugImage
  backing?: BlockdevAddArgumentsQcow2Backing
  'lazy-refcounts'?: boolean
  'pass-discard-request'?: boolean
  'pass-discard-snapshot'?: boolean
  'pass-discard-other'?: boolean
  'overlap-check'?: BlockdevAddArgumentsQcow2OverlapCheck
  'cache-size'?: number
  'l2-cache-size'?: number
  'l2-cache-entry-size'?: number
  'refcount-cache-size'?: number
  'cache-clean-interval'?: number
  encrypt?: BlockdevAddArgumentsQcow2Encrypt
  'data-file'?: BlockdevAddArgumentsBlkdebugImage
}

export type BlockdevAddArgumentsQcow = {
  file: BlockdevAddArgumentsBlkdebugImage
  backing?: BlockdevAddArgumentsQcow2Backing
  encrypt?: BlockdevAddArgumentsQcowEncrypt
}

export type BlockdevAddArgumentsQed = { file: BlockdevAddArgumentsBlkdebugImage; backing?: BlockdevAddArgumentsQcow2Backing }

export type BlockdevAddArgumentsQuorum = {
  blkverify?: boolean
  children: readonly BlockdevAddArgumentsBlkdebugImage[]
  'vote-threshold': number
  'rewrite-corrupted'?: boolean
  'read-pattern'?: BlockdevAddArgumentsQuorumReadPattern
}

export type BlockdevAddArgumentsRaw = { file: BlockdevAddArgumentsBlkdebugImage; offset?: number; size?: number }

export type BlockdevAddArgumentsRbd = {
  pool: string
  namespace?: string
  image: string
  conf?: string
  snapshot?: string
  encrypt?: BlockdevAddArgumentsRbdEncrypt
  user?: string
  'auth-client-required'?: readonly BlockdevAddArgumentsRbdAuthClientRequiredItem[]
  'key-secret'?: string
  server?: readonly BlockdevAddArgumentsRbdServerItem[]
}

export type BlockdevAddArgumentsReplication = {
  file: BlockdevAddArgumentsBlkdebugImage
  mode: BlockdevAddArgumentsReplicationMode
  'top-id'?: string
}

export type BlockdevAddArgumentsSsh = {
  server: BlockdevAddArgumentsSshServer
  path: string
  user?: string
  'host-key-check'?: BlockdevAddArgumentsSshHostKeyCheck
}

export type BlockdevAddArgumentsThrottle = { 'throttle-group': string; file: BlockdevAddArgumentsBlkdebugImage }

export type BlockdevAddArgumentsVvfat = { dir: string; 'fat-type'?: number; floppy?: boolean; label?: string; rw?: boolean }

export type BlockdevChangeMediumReadOnlyMode = 'retain' | 'read-only' | 'read-write'

export type BlockdevMirrorSync = 'top' | 'full' | 'none' | 'incremental' | 'bitmap'

export type BlockdevMirrorCopyMode = 'background' | 'write-blocking'

export type ChardevAddBackend =
  | ({ type: 'file' } & ChardevAddBackendFile)
  | ({ type: 'serial' } & ChardevAddBackendSerial)
  | ({ type: 'parallel' } & ChardevAddBackendSerial)
  | ({ type: 'pipe' } & ChardevAddBackendSerial)
  | ({ type: 'socket' } & ChardevAddBackendSocket)
  | ({ type: 'udp' } & ChardevAddBackendUdp)
  | ({ type: 'pty' } & ChardevAddBackendPty)
  | ({ type: 'null' } & ChardevAddBackendPty)
  | ({ type: 'mux' } & ChardevAddBackendMux)
  | ({ type: 'msmouse' } & ChardevAddBackendPty)
  | ({ type: 'wctablet' } & ChardevAddBackendPty)
  | ({ type: 'braille' } & ChardevAddBackendPty)
  | ({ type: 'testdev' } & ChardevAddBackendPty)
  | ({ type: 'stdio' } & ChardevAddBackendStdio)
  | ({ type: 'console' } & ChardevAddBackendPty)
  | ({ type: 'spicevmc' } & ChardevAddBackendSpicevmc)
  | ({ type: 'spiceport' } & ChardevAddBackendSpiceport)
  | ({ type: 'qemu-vdagent' } & ChardevAddBackendQemuVdagent)
  | ({ type: 'dbus' } & ChardevAddBackendDbus)
  | ({ type: 'vc' } & ChardevAddBackendVc)
  | ({ type: 'ringbuf' } & ChardevAddBackendRingbuf)
  | ({ type: 'memory' } & ChardevAddBackendRingbuf)

export type DumpGuestMemoryFormat = 'elf' | 'kdump-zlib' | 'kdump-lzo' | 'kdump-snappy' | 'win-dmp'

export type InputSendEventEvent =
  | ({ type: 'key' } & InputSendEventEventKey)
  | ({ type: 'btn' } & InputSendEventEventBtn)
  | ({ type: 'rel' } & InputSendEventEventRel)
  | ({ type: 'abs' } & InputSendEventEventRel)

export type MigrateContinueState =
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

export type MigrateSetParametersTlsCreds = string | null

export type MigrateSetParametersMultifdCompression = 'none' | 'zlib' | 'zstd'

export type MigrateSetParametersBlockBitmapMappingItem = {
  'node-name': string
  alias: string
  bitmaps: readonly MigrateSetParametersBlockBitmapMappingItemBitmap[]
}

export type NetdevAddArgumentsNic = { netdev?: string; macaddr?: string; model?: string; addr?: string; vectors?: number }

export type NetdevAddArgumentsUser = {
  hostname?: string
  restrict?: boolean
  ipv4?: boolean
  ipv6?: boolean
  ip?: string
  net?: string
  host?: string
  tftp?: string
  bootfile?: string
  dhcpstart?: string
  dns?: string
  dnssearch?: readonly NetdevAddArgumentsUserDnssearchItem[]
  domainname?: string
  'ipv6-prefix'?: string
  'ipv6-prefixlen'?: number
  'ipv6-host'?: string
  'ipv6-dns'?: string
  smb?: string
  smbserver?: string
  hostfwd?: readonly NetdevAddArgumentsUserDnssearchItem[]
  guestfwd?: readonly NetdevAddArgumentsUserDnssearchItem[]
  'tftp-server-name'?: string
}

export type NetdevAddArgumentsTap = {
  ifname?: string
  fd?: string
  fds?: string
  script?: string
  downscript?: string
  br?: string
  helper?: string
  sndbuf?: number
  vnet_hdr?: boolean
  vhost?: boolean
  vhostfd?: string
  vhostfds?: string
  vhostforce?: boolean
  queues?: number
  'poll-us'?: number
}

export type NetdevAddArgumentsL2tpv3 = {
  src: string
  dst: string
  srcport?: string
  dstport?: string
  ipv6?: boolean
  udp?: boolean
  cookie64?: boolean
  counter?: boolean
  pincounter?: boolean
  txcookie?: number
  rxcookie?: number
  txsession: number
  rxsession?: number
  offset?: number
}

export type NetdevAddArgumentsSocket = {
  fd?: string
  listen?: string
  connect?: string
  mcast?: string
  localaddr?: string
  udp?: string
}

export type NetdevAddArgumentsStream = { addr: QueryMigrateSocketAddressItem; server?: boolean }

export type NetdevAddArgumentsDgram = { local?: QueryMigrateSocketAddressItem; remote?: QueryMigrateSocketAddressItem }

export type NetdevAddArgumentsVde = { sock?: string; port?: number; group?: string; mode?: number }

export type NetdevAddArgumentsBridge = { br?: string; helper?: string }

export type NetdevAddArgumentsHubport = { hubid: number; netdev?: string }

export type NetdevAddArgumentsNetmap = { ifname: string; devname?: string }

export type NetdevAddArgumentsVhostUser = { chardev: string; vhostforce?: boolean; queues?: number }

export type NetdevAddArgumentsVhostVdpa = { vhostdev?: string; vhostfd?: string; queues?: number; 'x-svq'?: boolean }

export type ObjectAddArgumentsAuthzList = {
  policy?: ObjectAddArgumentsAuthzListPolicy
  rules?: readonly ObjectAddArgumentsAuthzListRule[]
}

export type ObjectAddArgumentsAuthzListfile = { filename: string; refresh?: boolean }

export type ObjectAddArgumentsAuthzPam = { service: string }

export type ObjectAddArgumentsAuthzSimple = { identity: string }

export type ObjectAddArgumentsCanHostSocketcan = { if: string; canbus: string }

export type ObjectAddArgumentsColoCompare = {
  primary_in: string
  secondary_in: string
  outdev: string
  iothread: string
  notify_dev?: string
  compare_timeout?: number
  expired_scan_cycle?: number
  max_queue_size?: number
  vnet_hdr_support?: boolean
}

export type ObjectAddArgumentsCryptodevBackend = { queues?: number }

export type ObjectAddArgumentsCryptodevVhostUser = { queues?: number; chardev: string }

export type ObjectAddArgumentsDbusVmstate = { addr: string; 'id-list'?: string }

export type ObjectAddArgumentsFilterBuffer = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
  interval: number
}

export type ObjectAddArgumentsFilterDump = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
  file: string
  maxlen?: number
}

export type ObjectAddArgumentsFilterMirror = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
  outdev: string
  vnet_hdr_support?: boolean
}

export type ObjectAddArgumentsFilterRedirector = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
  indev?: string
  outdev?: string
  vnet_hdr_support?: boolean
}

export type ObjectAddArgumentsFilterReplay = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
}

export type ObjectAddArgumentsFilterRewriter = {
  netdev: string
  queue?: ObjectAddArgumentsFilterBufferQueue
  status?: string
  position?: string
  insert?: ObjectAddArgumentsFilterBufferInsert
  vnet_hdr_support?: boolean
}

export type ObjectAddArgumentsInputBarrier = {
  name: string
  server?: string
  port?: string
  'x-origin'?: string
  'y-origin'?: string
  width?: string
  height?: string
}

export type ObjectAddArgumentsInputLinux = {
  evdev: string
  grab_all?: boolean
  repeat?: boolean
  'grab-toggle'?: ObjectAddArgumentsInputLinuxGrabToggle
}

export type ObjectAddArgumentsIothread = {
  'aio-max-batch'?: number
  'thread-pool-min'?: number
  'thread-pool-max'?: number
  'poll-max-ns'?: number
  'poll-grow'?: number
  'poll-shrink'?: number
}

export type ObjectAddArgumentsMainLoop = { 'aio-max-batch'?: number; 'thread-pool-min'?: number; 'thread-pool-max'?: number }

export type ObjectAddArgumentsMemoryBackendEpc = {
  dump?: boolean
  'host-nodes'?: readonly number[]
  merge?: boolean
  policy?: ObjectAddArgumentsMemoryBackendEpcPolicy
  prealloc?: boolean
  'prealloc-threads'?: number
  'prealloc-context'?: string
  share?: boolean
  reserve?: boolean
  size: number
  'x-use-canonical-path-for-ramblock-id'?: boolean
}

export type ObjectAddArgumentsMemoryBackendFile = {
  dump?: boolean
  'host-nodes'?: readonly number[]
  merge?: boolean
  policy?: ObjectAddArgumentsMemoryBackendEpcPolicy
  prealloc?: boolean
  'prealloc-threads'?: number
  'prealloc-context'?: string
  share?: boolean
  reserve?: boolean
  size: number
  'x-use-canonical-path-for-ramblock-id'?: boolean
  align?: number
  'discard-data'?: boolean
  'mem-path': string
  pmem?: boolean
  readonly?: boolean
}

export type ObjectAddArgumentsMemoryBackendMemfd = {
  dump?: boolean
  'host-nodes'?: readonly number[]
  merge?: boolean
  policy?: ObjectAddArgumentsMemoryBackendEpcPolicy
  prealloc?: boolean
  'prealloc-threads'?: number
  'prealloc-context'?: string
  share?: boolean
  reserve?: boolean
  size: number
  'x-use-canonical-path-for-ramblock-id'?: boolean
  hugetlb?: boolean
  hugetlbsize?: number
  seal?: boolean
}

export type ObjectAddArgumentsMemoryBackendRam = {
  dump?: boolean
  'host-nodes'?: readonly number[]
  merge?: boolean
  policy?: ObjectAddArgumentsMemoryBackendEpcPolicy
  prealloc?: boolean
  'prealloc-threads'?: number
  'prealloc-context'?: string
  share?: boolean
  reserve?: boolean
  size: number
  'x-use-canonical-path-for-ramblock-id'?: boolean
}

export type ObjectAddArgumentsPrManagerHelper = { path: string }

export type ObjectAddArgumentsQtest = { chardev: string; log?: string }

export type ObjectAddArgumentsRngBuiltin = { /** @deprecated */ opened?: boolean }

export type ObjectAddArgumentsRngEgd = { /** @deprecated */ opened?: boolean; chardev: string }

export type ObjectAddArgumentsRngRandom = { /** @deprecated */ opened?: boolean; filename?: string }

export type ObjectAddArgumentsSecret = {
  /** @deprecated */ loaded?: boolean
  format?: ObjectAddArgumentsSecretFormat
  keyid?: string
  iv?: string
  data?: string
  file?: string
}

export type ObjectAddArgumentsSecretKeyring = {
  /** @deprecated */ loaded?: boolean
  format?: ObjectAddArgumentsSecretFormat
  keyid?: string
  iv?: string
  serial: number
}

export type ObjectAddArgumentsSevGuest = {
  'sev-device'?: string
  'dh-cert-file'?: string
  'session-file'?: string
  policy?: number
  handle?: number
  cbitpos?: number
  'reduced-phys-bits': number
  'kernel-hashes'?: boolean
}

export type ObjectAddArgumentsThreadContext = { 'cpu-affinity'?: readonly number[]; 'node-affinity'?: readonly number[] }

export type ObjectAddArgumentsThrottleGroup = {
  limits?: ObjectAddArgumentsThrottleGroupLimits
  'x-iops-total'?: number
  'x-iops-total-max'?: number
  'x-iops-total-max-length'?: number
  'x-iops-read'?: number
  'x-iops-read-max'?: number
  'x-iops-read-max-length'?: number
  'x-iops-write'?: number
  'x-iops-write-max'?: number
  'x-iops-write-max-length'?: number
  'x-bps-total'?: number
  'x-bps-total-max'?: number
  'x-bps-total-max-length'?: number
  'x-bps-read'?: number
  'x-bps-read-max'?: number
  'x-bps-read-max-length'?: number
  'x-bps-write'?: number
  'x-bps-write-max'?: number
  'x-bps-write-max-length'?: number
  'x-iops-size'?: number
}

export type ObjectAddArgumentsTlsCredsAnon = {
  'verify-peer'?: boolean
  dir?: string
  endpoint?: ObjectAddArgumentsTlsCredsAnonEndpoint
  priority?: string
  /** @deprecated */ loaded?: boolean
}

export type ObjectAddArgumentsTlsCredsPsk = {
  'verify-peer'?: boolean
  dir?: string
  endpoint?: ObjectAddArgumentsTlsCredsAnonEndpoint
  priority?: string
  /** @deprecated */ loaded?: boolean
  username?: string
}

export type ObjectAddArgumentsTlsCredsX509 = {
  'verify-peer'?: boolean
  dir?: string
  endpoint?: ObjectAddArgumentsTlsCredsAnonEndpoint
  priority?: string
  /** @deprecated */ loaded?: boolean
  'sanity-check'?: boolean
  passwordid?: string
}

export type ObjectAddArgumentsTlsCipherSuites = {
  'verify-peer'?: boolean
  dir?: string
  endpoint?: ObjectAddArgumentsTlsCredsAnonEndpoint
  priority?: string
}

export type ObjectAddArgumentsXRemoteObject = { fd: string; devid: string }

export type ObjectAddArgumentsXVfioUserServer = { socket: QueryMigrateSocketAddressItem; device: string }

export type QmpCapabilitiesEnableItem = 'oob'

export type QueryBlockResultItemIoStatus = 'ok' | 'failed' | 'nospace'

export type QueryBlockJobsResultItemStatus =
  | 'undefined'
  | 'created'
  | 'running'
  | 'paused'
  | 'ready'
  | 'standby'
  | 'waiting'
  | 'pending'
  | 'aborting'
  | 'concluded'
  | 'null'

export type QueryBlockstatsResultItemStats = {
  rd_bytes: number
  wr_bytes: number
  unmap_bytes: number
  rd_operations: number
  wr_operations: number
  flush_operations: number
  unmap_operations: number
  rd_total_time_ns: number
  wr_total_time_ns: number
  flush_total_time_ns: number
  unmap_total_time_ns: number
  wr_highest_offset: number
  rd_merged: number
  wr_merged: number
  unmap_merged: number
  idle_time_ns?: number
  failed_rd_operations: number
  failed_wr_operations: number
  failed_flush_operations: number
  failed_unmap_operations: number
  invalid_rd_operations: number
  invalid_wr_operations: number
  invalid_flush_operations: number
  invalid_unmap_operations: number
  account_invalid: boolean
  account_failed: boolean
  timed_stats: readonly QueryBlockstatsResultItemStatsTimedStat[]
  rd_latency_histogram?: QueryBlockstatsResultItemStatsRdLatencyHistogram
  wr_latency_histogram?: QueryBlockstatsResultItemStatsRdLatencyHistogram
  flush_latency_histogram?: QueryBlockstatsResultItemStatsRdLatencyHistogram
}

export type QueryBlockstatsResultItemDriverSpecific =
  | ({ driver: 'file' } & QueryBlockstatsResultItemDriverSpecificFile)
  | ({ driver: 'host_device' } & QueryBlockstatsResultItemDriverSpecificFile)
  | ({ driver: 'nvme' } & QueryBlockstatsResultItemDriverSpecificNvme)
  | { driver: 'blkdebug' }
  | { driver: 'blklogwrites' }
  | { driver: 'blkreplay' }
  | { driver: 'blkverify' }
  | { driver: 'bochs' }
  | { driver: 'cloop' }
  | { driver: 'compress' }
  | { driver: 'copy-before-write' }
  | { driver: 'copy-on-read' }
  | { driver: 'dmg' }
  | { driver: 'snapshot-access' }
  | { driver: 'ftp' }
  | { driver: 'ftps' }
  | { driver: 'gluster' }
  | { driver: 'host_cdrom' }
  | { driver: 'http' }
  | { driver: 'https' }
  | { driver: 'iscsi' }
  | { driver: 'luks' }
  | { driver: 'nbd' }
  | { driver: 'nfs' }
  | { driver: 'null-aio' }
  | { driver: 'null-co' }
  | { driver: 'parallels' }
  | { driver: 'preallocate' }
  | { driver: 'qcow' }
  | { driver: 'qcow2' }
  | { driver: 'qed' }
  | { driver: 'quorum' }
  | { driver: 'raw' }
  | { driver: 'rbd' }
  | { driver: 'replication' }
  | { driver: 'ssh' }
  | { driver: 'throttle' }
  | { driver: 'vdi' }
  | { driver: 'vhdx' }
  | { driver: 'vmdk' }
  | { driver: 'vpc' }
  | { driver: 'vvfat' }

export type QueryCpusFastResultItemProps = {
  'node-id'?: number
  'socket-id'?: number
  'die-id'?: number
  'cluster-id'?: number
  'core-id'?: number
  'thread-id'?: number
}

export type QueryCpusFastResultItemS390x = { 'cpu-state': QueryCpusFastResultItemS390xCpuState }

export type QueryJobsResultItemType =
  | 'commit'
  | 'stream'
  | 'mirror'
  | 'backup'
  | 'create'
  | 'amend'
  | 'snapshot-load'
  | 'snapshot-save'
  | 'snapshot-delete'

export type QueryMemoryDevicesResultItemDimm = { data: QueryMemoryDevicesResultItemDimmData }

export type QueryMemoryDevicesResultItemVirtioPmem = { data: QueryMemoryDevicesResultItemVirtioPmemData }

export type QueryMemoryDevicesResultItemVirtioMem = { data: QueryMemoryDevicesResultItemVirtioMemData }

export type QueryMemoryDevicesResultItemSgxEpc = { data: QueryMemoryDevicesResultItemSgxEpcData }

export type QueryMigrateRam = {
  transferred: number
  remaining: number
  total: number
  duplicate: number
  skipped: number
  normal: number
  'normal-bytes': number
  'dirty-pages-rate': number
  mbps: number
  'dirty-sync-count': number
  'postcopy-requests': number
  'page-size': number
  'multifd-bytes': number
  'pages-per-second': number
  'precopy-bytes': number
  'downtime-bytes': number
  'postcopy-bytes': number
  'dirty-sync-missed-zero-copy': number
}

export type QueryMigrateVfio = { transferred: number }

export type QueryMigrateXbzrleCache = {
  'cache-size': number
  bytes: number
  pages: number
  'cache-miss': number
  'cache-miss-rate': number
  'encoding-rate': number
  overflow: number
}

export type QueryMigrateCompression = {
  pages: number
  busy: number
  'busy-rate': number
  'compressed-size': number
  'compression-rate': number
}

export type QueryMigrateSocketAddressItem =
  | ({ type: 'inet' } & BlockdevAddArgumentsSshServer)
  | ({ type: 'unix' } & QueryMigrateSocketAddressItemUnix)
  | ({ type: 'vsock' } & QueryMigrateSocketAddressItemVsock)
  | ({ type: 'fd' } & NetdevAddArgumentsUserDnssearchItem)

export type QueryMigrateCapabilitiesResultItemCapability =
  | 'xbzrle'
  | 'rdma-pin-all'
  | 'auto-converge'
  | 'zero-blocks'
  | 'compress'
  | 'events'
  | 'postcopy-ram'
  | 'x-colo'
  | 'release-ram'
  | 'block'
  | 'return-path'
  | 'pause-before-switchover'
  | 'multifd'
  | 'dirty-bitmaps'
  | 'postcopy-blocktime'
  | 'late-block-activate'
  | 'x-ignore-shared'
  | 'validate-uuid'
  | 'background-snapshot'
  | 'zero-copy-send'
  | 'postcopy-preempt'

export type QueryNamedBlockNodesResultItemImage = {
  filename: string
  format: string
  'dirty-flag'?: boolean
  'actual-size'?: number
  'virtual-size': number
  'cluster-size'?: number
  encrypted?: boolean
  compressed?: boolean
  'backing-filename'?: string
  'full-backing-filename'?: string
  'backing-filename-format'?: string
  snapshots?: readonly QueryNamedBlockNodesResultItemImageSnapshot[]
  'backing-image'?: QueryNamedBlockNodesResultItemImage
  'format-specific'?: QueryNamedBlockNodesResultItemImageFormatSpecific
}

export type QueryNamedBlockNodesResultItemCache = { writeback: boolean; direct: boolean; 'no-flush': boolean }

export type QueryNamedBlockNodesResultItemDirtyBitmap = {
  name?: string
  count: number
  granularity: number
  recording: boolean
  busy: boolean
  persistent: boolean
  inconsistent?: boolean
}

export type QueryPciResultItemDevice = {
  bus: number
  slot: number
  function: number
  class_info: QueryPciResultItemDeviceClassInfo
  id: QueryPciResultItemDeviceId
  irq?: number
  irq_pin: number
  qdev_id: string
  pci_bridge?: QueryPciResultItemDevicePciBridge
  regions: readonly QueryPciResultItemDeviceRegion[]
}

export type QueryQmpSchemaResultItemBuiltin = { 'json-type': QueryQmpSchemaResultItemBuiltinJsonType }

export type QueryQmpSchemaResultItemEnum = {
  members: readonly QueryQmpSchemaResultItemEnumMember[]
  /** @deprecated */ values: readonly string[]
}

export type QueryQmpSchemaResultItemArray = { 'element-type': string }

export type QueryQmpSchemaResultItemObject = {
  members: readonly QueryQmpSchemaResultItemObjectMember[]
  tag?: string
  variants?: readonly QueryQmpSchemaResultItemObjectVariant[]
}

export type QueryQmpSchemaResultItemAlternate = { members: readonly QueryQmpSchemaResultItemAlternateMember[] }

export type QueryQmpSchemaResultItemCommand = { 'arg-type': string; 'ret-type': string; 'allow-oob'?: boolean }

export type QueryQmpSchemaResultItemEvent = { 'arg-type': string }

export type QueryRxFilterResultItemMulticast = 'normal' | 'none' | 'all'

export type QueryStatusStatus =
  | 'debug'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog'
  | 'guest-panicked'
  | 'colo'

export type QueryVersionQemu = { major: number; minor: number; micro: number }

export type QueryVncFamily = 'ipv4' | 'ipv6' | 'unix' | 'vsock' | 'unknown'

export type QueryVncClient = {
  host: string
  service: string
  family: QueryVncFamily
  websocket: boolean
  x509_dname?: string
  sasl_username?: string
}

export type ScreendumpFormat = 'ppm' | 'png'

export type SendKeyKey = ({ type: 'number' } & SendKeyKeyNumber) | ({ type: 'qcode' } & SendKeyKeyQcode)

export type SetActionReboot = 'reset' | 'shutdown'

export type SetActionShutdown = 'poweroff' | 'pause'

export type SetActionPanic = 'pause' | 'shutdown' | 'exit-failure' | 'none'

export type SetActionWatchdog = 'reset' | 'shutdown' | 'poweroff' | 'pause' | 'debug' | 'none' | 'inject-nmi'

export type TransactionAction =
  | ({ type: 'abort' } & TransactionActionAbort)
  | ({ type: 'block-dirty-bitmap-add' } & TransactionActionBlockDirtyBitmapAdd)
  | ({ type: 'block-dirty-bitmap-remove' } & TransactionActionBlockDirtyBitmapRemove)
  | ({ type: 'block-dirty-bitmap-clear' } & TransactionActionBlockDirtyBitmapRemove)
  | ({ type: 'block-dirty-bitmap-enable' } & TransactionActionBlockDirtyBitmapRemove)
  | ({ type: 'block-dirty-bitmap-disable' } & TransactionActionBlockDirtyBitmapRemove)
  | ({ type: 'block-dirty-bitmap-merge' } & TransactionActionBlockDirtyBitmapMerge)
  | ({ type: 'blockdev-backup' } & TransactionActionBlockdevBackup)
  | ({ type: 'blockdev-snapshot' } & TransactionActionBlockdevSnapshot)
  | ({ type: 'blockdev-snapshot-internal-sync' } & TransactionActionBlockdevSnapshotInternalSync)
  | ({ type: 'blockdev-snapshot-sync' } & TransactionActionBlockdevSnapshotSync)
  | ({ type: 'drive-backup' } & TransactionActionDriveBackup)

export type TransactionProperties = { 'completion-mode'?: TransactionPropertiesCompletionMode }

export type AcpiDeviceOstDataInfo = {
  device?: string
  slot: string
  'slot-type': AcpiDeviceOstDataInfoSlotType
  source: number
  status: number
}

export type BlockIoErrorDataOperation = 'read' | 'write'

export type BlockIoErrorDataAction = 'ignore' | 'report' | 'stop'

export type ColoExitDataMode = 'none' | 'primary' | 'secondary'

export type ColoExitDataReason = 'none' | 'request' | 'error' | 'processing'

export type DumpCompletedDataResult = { status: DumpCompletedDataStatus; completed: number; total: number }

export type GuestCrashloadedDataAction = 'pause' | 'poweroff' | 'run'

export type GuestCrashloadedDataInfo =
  | ({ type: 'hyper-v' } & GuestCrashloadedDataInfoHyperV)
  | ({ type: 's390' } & GuestCrashloadedDataInfoS390)

export type MemoryFailureDataRecipient = 'hypervisor' | 'guest'

export type MemoryFailureDataAction = 'ignore' | 'inject' | 'fatal' | 'reset'

export type MemoryFailureDataFlags = { 'action-required': boolean; recursive: boolean }

export type QuorumReportBadDataType = 'read' | 'write' | 'flush'

export type ResetDataReason =
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

export type SpiceConnectedDataServer = { host: string; port: string; family: QueryVncFamily }

export type SpiceInitializedDataServer = { host: string; port: string; family: QueryVncFamily; auth?: string }

export type SpiceInitializedDataClient = {
  host: string
  port: string
  family: QueryVncFamily
  'connection-id': number
  'channel-type': number
  'channel-id': number
  tls: boolean
}

export type VncConnectedDataServer = { host: string; service: string; family: QueryVncFamily; websocket: boolean; auth?: string }

export type VncConnectedDataClient = { host: string; service: string; family: QueryVncFamily; websocket: boolean }

export type BlockdevAddArgumentsBlkdebugImage = BlockdevAddArguments | string

export type BlockdevAddArgumentsBlkdebugInjectErrorItem = {
  event: BlockdevAddArgumentsBlkdebugInjectErrorItemEvent
  state?: number
  iotype?: BlockdevAddArgumentsBlkdebugInjectErrorItemIotype
  errno?: number
  sector?: number
  once?: boolean
  immediately?: boolean
}

export type BlockdevAddArgumentsBlkdebugSetStateItem = {
  event: BlockdevAddArgumentsBlkdebugInjectErrorItemEvent
  state?: number
  new_state: number
}

export type BlockdevAddArgumentsBlkdebugTakeChildPerm = 'consistent-read' | 'write' | 'write-unchanged' | 'resize'

export type BlockdevAddArgumentsCopyBeforeWriteBitmap = { node: string; name: string }

export type BlockdevAddArgumentsCopyBeforeWriteOnCbwError = 'break-guest-write' | 'break-snapshot'

export type BlockdevAddArgumentsFileLocking = 'auto' | 'on' | 'off'

export type BlockdevAddArgumentsFileAio = 'threads' | 'native' | 'io_uring'

export type BlockdevAddArgumentsIscsiTransport = 'tcp' | 'iser'

export type BlockdevAddArgumentsIscsiHeaderDigest = 'crc32c' | 'none' | 'crc32c-none' | 'none-crc32c'

export type BlockdevAddArgumentsNfsServer = { type: BlockdevAddArgumentsNfsServerType; host: string }

export type BlockdevAddArgumentsQcow2Backing = BlockdevAddArguments | string | null

export type BlockdevAddArgumentsQcow2OverlapCheck =
  | BlockdevAddArgumentsQcow2OverlapCheckChoice1
  | BlockdevAddArgumentsQcow2OverlapCheckChoice2

export type BlockdevAddArgumentsQcow2Encrypt =
  | ({ format: 'aes' } & BlockdevAddArgumentsQcow2EncryptAes)
  | ({ format: 'luks' } & BlockdevAddArgumentsQcow2EncryptLuks)

export type BlockdevAddArgumentsQcowEncrypt = { format: 'aes' } & BlockdevAddArgumentsQcow2EncryptAes

export type BlockdevAddArgumentsQuorumReadPattern = 'quorum' | 'fifo'

export type BlockdevAddArgumentsRbdEncrypt =
  | ({ format: 'luks' } & BlockdevAddArgumentsRbdEncryptLuks)
  | ({ format: 'luks2' } & BlockdevAddArgumentsRbdEncryptLuks2)

export type BlockdevAddArgumentsRbdAuthClientRequiredItem = 'cephx' | 'none'

export type BlockdevAddArgumentsRbdServerItem = { host: string; port: string }

export type BlockdevAddArgumentsReplicationMode = 'primary' | 'secondary'

export type BlockdevAddArgumentsSshServer = {
  host: string
  port: string
  numeric?: boolean
  to?: number
  ipv4?: boolean
  ipv6?: boolean
  'keep-alive'?: boolean
  mptcp?: boolean
}

export type BlockdevAddArgumentsSshHostKeyCheck =
  | ({ mode: 'hash' } & BlockdevAddArgumentsSshHostKeyCheckHash)
  | { mode: 'none' }
  | { mode: 'known_hosts' }

export type ChardevAddBackendFile = { data: ChardevAddBackendFileData }

export type ChardevAddBackendSerial = { data: ChardevAddBackendSerialData }

export type ChardevAddBackendSocket = { data: ChardevAddBackendSocketData }

export type ChardevAddBackendUdp = { data: ChardevAddBackendUdpData }

export type ChardevAddBackendPty = { data: ChardevAddBackendPtyData }

export type ChardevAddBackendMux = { data: ChardevAddBackendMuxData }

export type ChardevAddBackendStdio = { data: ChardevAddBackendStdioData }

export type ChardevAddBackendSpicevmc = { data: ChardevAddBackendSpicevmcData }

export type ChardevAddBackendSpiceport = { data: ChardevAddBackendSpiceportData }

export type ChardevAddBackendQemuVdagent = { data: ChardevAddBackendQemuVdagentData }

export type ChardevAddBackendDbus = { data: ChardevAddBackendDbusData }

export type ChardevAddBackendVc = { data: ChardevAddBackendVcData }

export type ChardevAddBackendRingbuf = { data: ChardevAddBackendRingbufData }

export type InputSendEventEventKey = { data: InputSendEventEventKeyData }

export type InputSendEventEventBtn = { data: InputSendEventEventBtnData }

export type InputSendEventEventRel = { data: InputSendEventEventRelData }

export type MigrateSetParametersBlockBitmapMappingItemBitmap = {
  name: string
  alias: string
  transform?: MigrateSetParametersBlockBitmapMappingItemBitmapTransform
}

export type NetdevAddArgumentsUserDnssearchItem = { str: string }

export type ObjectAddArgumentsAuthzListPolicy = 'deny' | 'allow'

export type ObjectAddArgumentsAuthzListRule = {
  match: string
  policy: ObjectAddArgumentsAuthzListPolicy
  format?: ObjectAddArgumentsAuthzListRuleFormat
}

export type ObjectAddArgumentsFilterBufferQueue = 'all' | 'rx' | 'tx'

export type ObjectAddArgumentsFilterBufferInsert = 'before' | 'behind'

export type ObjectAddArgumentsInputLinuxGrabToggle =
  | 'ctrl-ctrl'
  | 'alt-alt'
  | 'shift-shift'
  | 'meta-meta'
  | 'scrolllock'
  | 'ctrl-scrolllock'

export type ObjectAddArgumentsMemoryBackendEpcPolicy = 'default' | 'preferred' | 'bind' | 'interleave'

export type ObjectAddArgumentsSecretFormat = 'raw' | 'base64'

export type ObjectAddArgumentsThrottleGroupLimits = {
  'iops-total'?: number
  'iops-total-max'?: number
  'iops-total-max-length'?: number
  'iops-read'?: number
  'iops-read-max'?: number
  'iops-read-max-length'?: number
  'iops-write'?: number
  'iops-write-max'?: number
  'iops-write-max-length'?: number
  'bps-total'?: number
  'bps-total-max'?: number
  'bps-total-max-length'?: number
  'bps-read'?: number
  'bps-read-max'?: number
  'bps-read-max-length'?: number
  'bps-write'?: number
  'bps-write-max'?: number
  'bps-write-max-length'?: number
  'iops-size'?: number
}

export type ObjectAddArgumentsTlsCredsAnonEndpoint = 'client' | 'server'

export type QueryBlockstatsResultItemStatsTimedStat = {
  interval_length: number
  min_rd_latency_ns: number
  max_rd_latency_ns: number
  avg_rd_latency_ns: number
  min_wr_latency_ns: number
  max_wr_latency_ns: number
  avg_wr_latency_ns: number
  min_flush_latency_ns: number
  max_flush_latency_ns: number
  avg_flush_latency_ns: number
  avg_rd_queue_depth: number
  avg_wr_queue_depth: number
}

export type QueryBlockstatsResultItemStatsRdLatencyHistogram = { boundaries: readonly number[]; bins: readonly number[] }

export type QueryBlockstatsResultItemDriverSpecificFile = {
  'discard-nb-ok': number
  'discard-nb-failed': number
  'discard-bytes-ok': number
}

export type QueryBlockstatsResultItemDriverSpecificNvme = {
  'completion-errors': number
  'aligned-accesses': number
  'unaligned-accesses': number
}

export type QueryCpusFastResultItemS390xCpuState = 'uninitialized' | 'stopped' | 'check-stop' | 'operating' | 'load'

export type QueryMemoryDevicesResultItemDimmData = {
  id?: string
  addr: number
  size: number
  slot: number
  node: number
  memdev: string
  hotplugged: boolean
  hotpluggable: boolean
}

export type QueryMemoryDevicesResultItemVirtioPmemData = { id?: string; memaddr: number; size: number; memdev: string }

export type QueryMemoryDevicesResultItemVirtioMemData = {
  id?: string
  memaddr: number
  'requested-size': number
  size: number
  'max-size': number
  'block-size': number
  node: number
  memdev: string
}

export type QueryMemoryDevicesResultItemSgxEpcData = { id?: string; memaddr: number; size: number; node: number; memdev: string }

export type QueryMigrateSocketAddressItemUnix = { path: string; abstract?: boolean; tight?: boolean }

export type QueryMigrateSocketAddressItemVsock = { cid: string; port: string }

export type QueryNamedBlockNodesResultItemImageSnapshot = {
  id: string
  name: string
  'vm-state-size': number
  'date-sec': number
  'date-nsec': number
  'vm-clock-sec': number
  'vm-clock-nsec': number
  icount?: number
}

export type QueryNamedBlockNodesResultItemImageFormatSpecific =
  | ({ type: 'qcow2' } & QueryNamedBlockNodesResultItemImageFormatSpecificQcow2)
  | ({ type: 'vmdk' } & QueryNamedBlockNodesResultItemImageFormatSpecificVmdk)
  | ({ type: 'luks' } & QueryNamedBlockNodesResultItemImageFormatSpecificLuks)
  | ({ type: 'rbd' } & QueryNamedBlockNodesResultItemImageFormatSpecificRbd)

export type QueryPciResultItemDeviceClassInfo = { desc?: string; class: number }

export type QueryPciResultItemDeviceId = { device: number; vendor: number; subsystem?: number; 'subsystem-vendor'?: number }

export type QueryPciResultItemDevicePciBridge = {
  bus: QueryPciResultItemDevicePciBridgeBus
  devices?: readonly QueryPciResultItemDevice[]
}

export type QueryPciResultItemDeviceRegion = {
  bar: number
  type: string
  address: number
  size: number
  prefetch?: boolean
  mem_type_64?: boolean
}

export type QueryQmpSchemaResultItemBuiltinJsonType =
  | 'string'
  | 'number'
  | 'int'
  | 'boolean'
  | 'null'
  | 'object'
  | 'array'
  | 'value'

export type QueryQmpSchemaResultItemEnumMember = { name: string; features?: readonly string[] }

export type QueryQmpSchemaResultItemObjectMember = { name: string; type: string; default?: unknown; features?: readonly string[] }

export type QueryQmpSchemaResultItemObjectVariant = { case: string; type: string }

export type QueryQmpSchemaResultItemAlternateMember = { type: string }

export type SendKeyKeyNumber = { data: number }

export type SendKeyKeyQcode = { data: SendKeyKeyQcodeData }

export type TransactionActionAbort = { data: Nothing }

export type TransactionActionBlockDirtyBitmapAdd = { data: TransactionActionBlockDirtyBitmapAddData }

export type TransactionActionBlockDirtyBitmapRemove = { data: BlockdevAddArgumentsCopyBeforeWriteBitmap }

export type TransactionActionBlockDirtyBitmapMerge = { data: TransactionActionBlockDirtyBitmapMergeData }

export type TransactionActionBlockdevBackup = { data: TransactionActionBlockdevBackupData }

export type TransactionActionBlockdevSnapshot = { data: BlockdevSnapshotArguments }

export type TransactionActionBlockdevSnapshotInternalSync = { data: TransactionActionBlockdevSnapshotInternalSyncData }

export type TransactionActionBlockdevSnapshotSync = { data: TransactionActionBlockdevSnapshotSyncData }

export type TransactionActionDriveBackup = { data: TransactionActionDriveBackupData }

export type TransactionPropertiesCompletionMode = 'individual' | 'grouped'

export type AcpiDeviceOstDataInfoSlotType = 'DIMM' | 'CPU'

export type DumpCompletedDataStatus = 'none' | 'active' | 'completed' | 'failed'

export type GuestCrashloadedDataInfoHyperV = { arg1: number; arg2: number; arg3: number; arg4: number; arg5: number }

export type GuestCrashloadedDataInfoS390 = {
  core: number
  'psw-mask': number
  'psw-addr': number
  reason: GuestCrashloadedDataInfoS390Reason
}

export type BlockdevAddArgumentsBlkdebugInjectErrorItemEvent =
  | 'l1_update'
  | 'l1_grow_alloc_table'
  | 'l1_grow_write_table'
  | 'l1_grow_activate_table'
  | 'l2_load'
  | 'l2_update'
  | 'l2_update_compressed'
  | 'l2_alloc_cow_read'
  | 'l2_alloc_write'
  | 'read_aio'
  | 'read_backing_aio'
  | 'read_compressed'
  | 'write_aio'
  | 'write_compressed'
  | 'vmstate_load'
  | 'vmstate_save'
  | 'cow_read'
  | 'cow_write'
  | 'reftable_load'
  | 'reftable_grow'
  | 'reftable_update'
  | 'refblock_load'
  | 'refblock_update'
  | 'refblock_update_part'
  | 'refblock_alloc'
  | 'refblock_alloc_hookup'
  | 'refblock_alloc_write'
  | 'refblock_alloc_write_blocks'
  | 'refblock_alloc_write_table'
  | 'refblock_alloc_switch_table'
  | 'cluster_alloc'
  | 'cluster_alloc_bytes'
  | 'cluster_free'
  | 'flush_to_os'
  | 'flush_to_disk'
  | 'pwritev_rmw_head'
  | 'pwritev_rmw_after_head'
  | 'pwritev_rmw_tail'
  | 'pwritev_rmw_after_tail'
  | 'pwritev'
  | 'pwritev_zero'
  | 'pwritev_done'
  | 'empty_image_prepare'
  | 'l1_shrink_write_table'
  | 'l1_shrink_free_l2_clusters'
  | 'cor_write'
  | 'cluster_alloc_space'
  | 'none'

export type BlockdevAddArgumentsBlkdebugInjectErrorItemIotype =
  | 'read'
  | 'write'
  | 'write-zeroes'
  | 'discard'
  | 'flush'
  | 'block-status'

export type BlockdevAddArgumentsNfsServerType = 'inet'

export type BlockdevAddArgumentsQcow2OverlapCheckChoice1 = {
  template?: BlockdevAddArgumentsQcow2OverlapCheckChoice2
  'main-header'?: boolean
  'active-l1'?: boolean
  'active-l2'?: boolean
  'refcount-table'?: boolean
  'refcount-block'?: boolean
  'snapshot-table'?: boolean
  'inactive-l1'?: boolean
  'inactive-l2'?: boolean
  'bitmap-directory'?: boolean
}

export type BlockdevAddArgumentsQcow2OverlapCheckChoice2 = 'none' | 'constant' | 'cached' | 'all'

export type BlockdevAddArgumentsQcow2EncryptAes = { 'key-secret'?: string }

export type BlockdevAddArgumentsQcow2EncryptLuks = { 'key-secret'?: string }

export type BlockdevAddArgumentsRbdEncryptLuks = { 'key-secret': string }

export type BlockdevAddArgumentsRbdEncryptLuks2 = { 'key-secret': string }

export type BlockdevAddArgumentsSshHostKeyCheckHash = { type: BlockdevAddArgumentsSshHostKeyCheckHashType; hash: string }

export type ChardevAddBackendFileData = { logfile?: string; logappend?: boolean; in?: string; out: string; append?: boolean }

export type ChardevAddBackendSerialData = { logfile?: string; logappend?: boolean; device: string }

export type ChardevAddBackendSocketData = {
  logfile?: string
  logappend?: boolean
  addr: ChardevAddBackendSocketDataAddr
  'tls-creds'?: string
  'tls-authz'?: string
  server?: boolean
  wait?: boolean
  nodelay?: boolean
  telnet?: boolean
  tn3270?: boolean
  websocket?: boolean
  reconnect?: number
}

export type ChardevAddBackendUdpData = {
  logfile?: string
  logappend?: boolean
  remote: ChardevAddBackendSocketDataAddr
  local?: ChardevAddBackendSocketDataAddr
}

export type ChardevAddBackendPtyData = { logfile?: string; logappend?: boolean }

export type ChardevAddBackendMuxData = { logfile?: string; logappend?: boolean; chardev: string }

export type ChardevAddBackendStdioData = { logfile?: string; logappend?: boolean; signal?: boolean }

export type ChardevAddBackendSpicevmcData = { logfile?: string; logappend?: boolean; type: string }

export type ChardevAddBackendSpiceportData = { logfile?: string; logappend?: boolean; fqdn: string }

export type ChardevAddBackendQemuVdagentData = { logfile?: string; logappend?: boolean; mouse?: boolean; clipboard?: boolean }

export type ChardevAddBackendDbusData = { logfile?: string; logappend?: boolean; name: string }

export type ChardevAddBackendVcData = {
  logfile?: string
  logappend?: boolean
  width?: number
  height?: number
  cols?: number
  rows?: number
}

export type ChardevAddBackendRingbufData = { logfile?: string; logappend?: boolean; size?: number }

export type InputSendEventEventKeyData = { key: SendKeyKey; down: boolean }

export type InputSendEventEventBtnData = { button: InputSendEventEventBtnDataButton; down: boolean }

export type InputSendEventEventRelData = { axis: InputSendEventEventRelDataAxis; value: number }

export type MigrateSetParametersBlockBitmapMappingItemBitmapTransform = { persistent?: boolean }

export type ObjectAddArgumentsAuthzListRuleFormat = 'exact' | 'glob'

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2 = {
  data: QueryNamedBlockNodesResultItemImageFormatSpecificQcow2Data
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificVmdk = {
  data: QueryNamedBlockNodesResultItemImageFormatSpecificVmdkData
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuks = {
  data: QueryNamedBlockNodesResultItemImageFormatSpecificLuksData
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificRbd = {
  data: QueryNamedBlockNodesResultItemImageFormatSpecificRbdData
}

export type QueryPciResultItemDevicePciBridgeBus = {
  number: number
  secondary: number
  subordinate: number
  io_range: QueryPciResultItemDevicePciBridgeBusIoRange
  memory_range: QueryPciResultItemDevicePciBridgeBusIoRange
  prefetchable_range: QueryPciResultItemDevicePciBridgeBusIoRange
}

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

export type TransactionActionBlockDirtyBitmapAddData = {
  node: string
  name: string
  granularity?: number
  persistent?: boolean
  disabled?: boolean
}

export type TransactionActionBlockDirtyBitmapMergeData = {
  node: string
  target: string
  bitmaps: readonly TransactionActionBlockDirtyBitmapMergeDataBitmap[]
}

export type TransactionActionBlockdevBackupData = {
  'job-id'?: string
  device: string
  sync: BlockdevMirrorSync
  speed?: number
  bitmap?: string
  'bitmap-mode'?: TransactionActionBlockdevBackupDataBitmapMode
  compress?: boolean
  'on-source-error'?: BlockCommitOnError
  'on-target-error'?: BlockCommitOnError
  'auto-finalize'?: boolean
  'auto-dismiss'?: boolean
  'filter-node-name'?: string
  'x-perf'?: TransactionActionBlockdevBackupDataXPerf
  target: string
}

export type TransactionActionBlockdevSnapshotInternalSyncData = { device: string; name: string }

export type TransactionActionBlockdevSnapshotSyncData = {
  device?: string
  'node-name'?: string
  'snapshot-file': string
  'snapshot-node-name'?: string
  format?: string
  mode?: TransactionActionBlockdevSnapshotSyncDataMode
}

export type TransactionActionDriveBackupData = {
  'job-id'?: string
  device: string
  sync: BlockdevMirrorSync
  speed?: number
  bitmap?: string
  'bitmap-mode'?: TransactionActionBlockdevBackupDataBitmapMode
  compress?: boolean
  'on-source-error'?: BlockCommitOnError
  'on-target-error'?: BlockCommitOnError
  'auto-finalize'?: boolean
  'auto-dismiss'?: boolean
  'filter-node-name'?: string
  'x-perf'?: TransactionActionBlockdevBackupDataXPerf
  target: string
  format?: string
  mode?: TransactionActionBlockdevSnapshotSyncDataMode
}

export type GuestCrashloadedDataInfoS390Reason = 'unknown' | 'disabled-wait' | 'extint-loop' | 'pgmint-loop' | 'opint-loop'

export type BlockdevAddArgumentsSshHostKeyCheckHashType = 'md5' | 'sha1' | 'sha256'

export type ChardevAddBackendSocketDataAddr =
  | ({ type: 'inet' } & ChardevAddBackendSocketDataAddrInet)
  | ({ type: 'unix' } & ChardevAddBackendSocketDataAddrUnix)
  | ({ type: 'vsock' } & ChardevAddBackendSocketDataAddrVsock)
  | ({ type: 'fd' } & ChardevAddBackendSocketDataAddrFd)

export type InputSendEventEventBtnDataButton =
  | 'left'
  | 'middle'
  | 'right'
  | 'wheel-up'
  | 'wheel-down'
  | 'side'
  | 'extra'
  | 'wheel-left'
  | 'wheel-right'

export type InputSendEventEventRelDataAxis = 'x' | 'y'

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2Data = {
  compat: string
  'data-file'?: string
  'data-file-raw'?: boolean
  'extended-l2'?: boolean
  'lazy-refcounts'?: boolean
  corrupt?: boolean
  'refcount-bits': number
  encrypt?: QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataEncrypt
  bitmaps?: readonly QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataBitmap[]
  'compression-type': QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataCompressionType
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificVmdkData = {
  'create-type': string
  cid: number
  'parent-cid': number
  extents: readonly QueryNamedBlockNodesResultItemImage[]
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksData = {
  'cipher-alg': QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataCipherAlg
  'cipher-mode': QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataCipherMode
  'ivgen-alg': QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataIvgenAlg
  'ivgen-hash-alg'?: QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataIvgenHashAlg
  'hash-alg': QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataIvgenHashAlg
  'payload-offset': number
  'master-key-iters': number
  uuid: string
  slots: readonly QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataSlot[]
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificRbdData = {
  'encryption-format'?: QueryNamedBlockNodesResultItemImageFormatSpecificRbdDataEncryptionFormat
}

export type QueryPciResultItemDevicePciBridgeBusIoRange = { base: number; limit: number }

export type TransactionActionBlockDirtyBitmapMergeDataBitmap = string | BlockdevAddArgumentsCopyBeforeWriteBitmap

export type TransactionActionBlockdevBackupDataBitmapMode = 'on-success' | 'never' | 'always'

export type TransactionActionBlockdevBackupDataXPerf = {
  'use-copy-range'?: boolean
  'max-workers'?: number
  'max-chunk'?: number
}

export type TransactionActionBlockdevSnapshotSyncDataMode = 'existing' | 'absolute-paths'

export type ChardevAddBackendSocketDataAddrInet = { data: BlockdevAddArgumentsSshServer }

export type ChardevAddBackendSocketDataAddrUnix = { data: QueryMigrateSocketAddressItemUnix }

export type ChardevAddBackendSocketDataAddrVsock = { data: QueryMigrateSocketAddressItemVsock }

export type ChardevAddBackendSocketDataAddrFd = { data: NetdevAddArgumentsUserDnssearchItem }

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataEncrypt =
  | ({ format: 'luks' } & QueryNamedBlockNodesResultItemImageFormatSpecificLuksData)
  | { format: 'aes' }

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataBitmap = {
  name: string
  granularity: number
  flags: readonly QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataBitmapFlag[]
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataCompressionType = 'zlib' | 'zstd'

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataCipherAlg =
  | 'aes-128'
  | 'aes-192'
  | 'aes-256'
  | 'des'
  | '3des'
  | 'cast5-128'
  | 'serpent-128'
  | 'serpent-192'
  | 'serpent-256'
  | 'twofish-128'
  | 'twofish-192'
  | 'twofish-256'

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataCipherMode = 'ecb' | 'cbc' | 'xts' | 'ctr'

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataIvgenAlg = 'plain' | 'plain64' | 'essiv'

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataIvgenHashAlg =
  | 'md5'
  | 'sha1'
  | 'sha224'
  | 'sha256'
  | 'sha384'
  | 'sha512'
  | 'ripemd160'

export type QueryNamedBlockNodesResultItemImageFormatSpecificLuksDataSlot = {
  active: boolean
  iters?: number
  stripes?: number
  'key-offset': number
}

export type QueryNamedBlockNodesResultItemImageFormatSpecificRbdDataEncryptionFormat = 'luks' | 'luks2'

export type QueryNamedBlockNodesResultItemImageFormatSpecificQcow2DataBitmapFlag = 'in-use' | 'auto'

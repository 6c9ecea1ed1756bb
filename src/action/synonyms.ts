// Words that people bring from other tools, and the nearest thing here. None of them works: the error says what to type.

/** What is meant by a word: one line of actions, or several with what each does. */
type Meaning = string | Readonly<Record<string, string>>

const make = 'newimg start'
const removeOrEnd = { stop: 'end it now', rm: 'remove it with its drives' }
const enter = { ssh: 'log in, by ssh', console: 'be at its serial port' }
const restart = { 'stop start': 'now', 'shutdown start': 'asking the guest first', reset: 'press the reset button' }

/** Other tools' actions, in this tool's. */
export const foreignActions: Readonly<Record<string, Meaning>> = {
  ...same(make, 'create', 'new', 'make', 'add', 'init', 'launch', 'define', 'install'),
  ...same('start', 'up', 'boot', 'begin', 'poweron', 'power-on'),
  ...same('rm', 'delete', 'remove', 'del', 'undefine', 'purge'),
  ...same(removeOrEnd, 'destroy'),
  ...same('stop', 'kill', 'quit', 'terminate', 'force-stop', 'off'),
  ...same('shutdown', 'halt', 'poweroff', 'power-off', 'down'),
  ...same(restart, 'reboot', 'restart'),
  ...same('pause', 'suspend'),
  ...same('save', 'managedsave', 'hibernate', 'sleep'),
  ...same('start', 'wake'),
  ...same('rollback', 'revert', 'snapshot-revert', 'loadvm'),
  ...same('checkpoint', 'snapshot-create-as', 'snapshot-create', 'savevm'),
  ...same('checkpoints', 'snapshots', 'snapshot-list', 'snapshot-delete', 'delvm'),
  ...same('resume', 'unpause', 'continue', 'thaw'),
  ...same(enter, 'shell', 'connect', 'enter', 'login'),
  ...same('console', 'serial', 'terminal', 'tty'),
  ...same('vnc', 'screen', 'view', 'gui'),
  ...same('status', 'info', 'show', 'state', 'inspect', 'dominfo', 'stat'),
  ...same('log', 'logs'),
  ...same('explain', 'config', 'settings', 'dumpxml', 'dry-run'),
  ...same('clone', 'copy', 'duplicate'),
  ...same('resize', 'grow', 'expand'),
  ...same('attach', 'plug', 'hotplug', 'attach-disk', 'attach-device', 'insert'),
  ...same('detach', 'unplug', 'detach-disk', 'detach-device'),
  ...same('forward', 'port', 'ports', 'publish', 'hostfwd'),
  ...same('balloon', 'setmem', 'memory'),
  ...same('enable', 'autostart'),
  ...same('move', 'migrate', 'transfer', 'mv'),
}

/** Other tools' commands. */
export const foreignCommands: Readonly<Record<string, string>> = {
  ps: 'ls',
  l: 'ls',
  check: 'doctor',
  usage: 'help',
  '?': 'help',
  webui: 'web',
  ui: 'web',
}

/** Other tools' names of settings. */
export const foreignSettings: Readonly<Record<string, string>> = {
  memory: 'mem',
  cpus: 'smp',
  vcpus: 'smp',
  cores: 'smp',
  disk: 'drive_size',
  disk_size: 'drive_size',
  size: 'drive_size',
  bus: 'drive_if',
  net: 'network',
  nic: 'net_if',
  br: 'bridge',
  ports: 'forward',
  port: 'forward',
  publish: 'forward',
  hostfwd: 'forward',
  iso: 'cdrom',
  cd: 'cdrom',
  dvd: 'cdrom',
  volume_group: 'vg',
  username: 'user',
  ssh_keys: 'ssh_key',
  userdata: 'user_data',
}

function same(meaning: Meaning, ...names: string[]): Record<string, Meaning> {
  return Object.fromEntries(names.map((name) => [name, meaning]))
}

/** What can be typed in place of `word`, each with what it does where there are several; none for a word that nobody brings. */
export function meaningsOf(word: string): readonly (readonly [actions: string, what: string])[] {
  const meaning = Object.hasOwn(foreignActions, word) ? foreignActions[word] : undefined
  if (meaning === undefined) return []
  return typeof meaning === 'string' ? [[meaning, '']] : Object.entries(meaning)
}

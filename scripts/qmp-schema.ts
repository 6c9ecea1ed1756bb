// Writes src/qemu/schema.ts: what the QMP commands that nbsvm uses take, and the names of events, made from what QEMU says of
// itself (query-qmp-schema). What comes back is not typed but looked at: src/qemu/qmpanswer.ts. QEMU hides its type names, so
// types are named after the place where they are met first. A command more is a word more in the list below.
//
//     npx tsc -p . ; node build/js/scripts/qmp-schema.js > src/qemu/schema.ts && npx oxfmt src/qemu/schema.ts
import { spawnSync } from 'node:child_process'

/** What nbsvm speaks. A name that QEMU does not know ends the script. */
const commandNames = `
  announce-self balloon block-dirty-bitmap-remove block-export-add block-job-cancel block-job-dismiss block_resize blockdev-add blockdev-close-tray
  blockdev-del blockdev-insert-medium blockdev-mirror blockdev-open-tray
  blockdev-remove-medium blockdev-snapshot chardev-add chardev-remove cont device_add device_del human-monitor-command qmp_capabilities qom-get qom-set
  migrate migrate-continue migrate-incoming migrate-set-capabilities migrate-set-parameters migrate_cancel nbd-server-start
  nbd-server-stop query-balloon query-block query-block-jobs query-blockstats query-chardev query-cpus-fast query-kvm query-memdev query-migrate query-name
  query-named-block-nodes query-status quit
  screendump send-key set_link
  stop system_powerdown system_reset system_wakeup transaction
`

/** Events that are waited for, or that tell why a VM is gone. */
const eventNames = 'DEVICE_DELETED MIGRATION RESUME SHUTDOWN STOP SUSPEND WAKEUP'

/** Commands that take any members besides these: what a block node or a device is made of depends on its driver, and some take very many. */
const openEnded: Readonly<Record<string, string>> = {
  'blockdev-add': "{ driver: string; 'node-name'?: string }",
  'announce-self': '{ initial: number; max: number; rounds: number; step: number }',
  'block-export-add': "{ type: 'nbd'; id: string; 'node-name': string; name?: string; writable?: boolean }",
  'blockdev-mirror':
    "{ 'job-id': string; device: string; target: string; sync: 'full'; 'copy-mode': 'background'; 'auto-dismiss': boolean }",
  'chardev-add':
    "{ id: string; backend: { type: 'file'; data: { out: string; append: boolean } } | { type: 'pipe'; data: { device: string } } }",
  device_add: '{ driver: string; id?: string; bus?: string }',
  'migrate-set-capabilities': '{ capabilities: readonly { capability: string; state: boolean }[] }',
  migrate: '{ uri: string }',
  'migrate-continue': "{ state: 'pre-switchover' }",
  'migrate-set-parameters': "{ 'max-bandwidth'?: number; 'downtime-limit'?: number }",
  'migrate-incoming': '{ uri: string }',
  'block-job-cancel': '{ device: string; force?: boolean }',
  'block-job-dismiss': '{ id: string }',
  'qom-set': '{ path: string; property: string; value: boolean }',
  transaction: '{ actions: readonly { type: string; data: Record<string, unknown> }[] }',
  'nbd-server-start': "{ addr: { type: 'unix'; data: { path: string } } }",
}

/** Commands that a newer QEMU than the one that is asked may have, with what they take. */
const later: Readonly<Record<string, string>> = {
  'blockdev-set-active': '{ active: boolean }',
}

interface Member {
  name: string
  type: string
  /** Present, and null, where the member is optional. */
  default?: unknown
  features?: string[]
}

/** One element of the answer to query-qmp-schema: https://www.qemu.org/docs/master/devel/qapi-code-gen.html#client-json-protocol-introspection */
type Entity = { name: string; features?: string[] } & (
  | { 'meta-type': 'builtin'; 'json-type': string }
  | { 'meta-type': 'enum'; values: string[] }
  | { 'meta-type': 'array'; 'element-type': string }
  | { 'meta-type': 'object'; members: Member[]; tag?: string; variants?: { case: string; type: string }[] }
  | { 'meta-type': 'alternate'; members: { type: string }[] }
  | { 'meta-type': 'command'; 'arg-type': string }
  | { 'meta-type': 'event'; 'arg-type': string }
)

/** A type that has a name already and is still to be written. */
interface Job {
  name: string
  entity: Entity
}

/** Everything the writer keeps while it walks from commands and events to the types that they reach, nearest first. */
interface Walk {
  entities: Map<string, Entity>
  names: Map<string, string>
  taken: Set<string>
  queue: Job[]
}

const { version, schema } = askQemu(process.argv[2] ?? 'qemu-system-x86_64')
process.stdout.write(writeSchema(version, schema))

function askQemu(program: string): { version: string; schema: Entity[] } {
  const input = ['qmp_capabilities', 'query-qmp-schema', 'quit'].map((execute) => JSON.stringify({ execute })).join('\n')
  const args = ['-nodefaults', '-machine', 'none', '-display', 'none', '-qmp', 'stdio']
  const { stdout, stderr, status } = spawnSync(program, args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  const [greeting = '', , answer = ''] = stdout.split('\n')
  const { qemu } = JSON.parse(greeting).QMP.version
  return { version: `${qemu.major}.${qemu.minor}.${qemu.micro}`, schema: JSON.parse(answer).return }
}

function writeSchema(version: string, schema: Entity[]): string {
  const walk: Walk = {
    entities: new Map(schema.map((entity) => [entity.name, entity])),
    names: new Map(),
    taken: new Set(),
    queue: [],
  }
  const newer = Object.entries(later).map(([name, args]) => `/** Not in every release. */\n${key(name)}: ${args}`)
  const commands = [...names(commandNames).map((name) => writeCommand(walk, name)), ...newer]
  const events = names(eventNames).map((name) => writeEvent(walk, name))
  const types: string[] = []
  for (let job = walk.queue.shift(); job !== undefined; job = walk.queue.shift()) {
    types.push(`export type ${job.name} = ${structure(walk, job.name, job.entity)}`)
  }
  return [
    `// Made by scripts/qmp-schema.ts from query-qmp-schema of QEMU ${version}. Do not edit: types only, nothing of it is left at run time.`,
    '/** The commands that nbsvm uses, and what each takes. Integers are JavaScript numbers, so exact up to 2^53. */',
    `export interface Commands {\n${commands.join('\n')}\n}`,
    '/** The events that nbsvm knows, and what QEMU says that it tells with them. */',
    `export interface Events {\n${events.join('\n')}\n}`,
    'export type CommandName = keyof Commands',
    'export type EventName = keyof Events',
    '/** No members at all. */',
    'export type Nothing = Record<string, never>',
    ...types,
    '',
  ].join('\n\n')
}

function writeCommand(walk: Walk, name: string): string {
  const command = walk.entities.get(name)
  if (command?.['meta-type'] !== 'command') throw new Error(`this QEMU has no command ${name}`)
  const fixed = openEnded[name]
  const args =
    fixed === undefined ? reference(walk, command['arg-type'], `${pascal(name)}Arguments`) : `${fixed} & Record<string, unknown>`
  return `${deprecation(command)}${key(name)}: ${args}`
}

function writeEvent(walk: Walk, name: string): string {
  const event = walk.entities.get(name)
  if (event?.['meta-type'] !== 'event') throw new Error(`this QEMU has no event ${name}`)
  return `${key(event.name)}: ${reference(walk, event['arg-type'], `${pascal(event.name)}Data`)}`
}

function names(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** How a type is written where it is used. What has members or values is written once, under `wish` or a name met before. */
function reference(walk: Walk, type: string, wish: string): string {
  const entity = walk.entities.get(type)
  if (entity === undefined) throw new Error(`the schema refers to ${type}, which is not in it`)
  if (entity['meta-type'] === 'builtin') return builtin(entity['json-type'])
  if (entity['meta-type'] === 'array') return `readonly ${bracket(reference(walk, entity['element-type'], singular(wish)))}[]`
  if (entity['meta-type'] === 'object' && entity.members.length === 0 && entity.variants === undefined) return 'Nothing'
  const known = walk.names.get(type)
  if (known !== undefined) return known
  const name = freeName(walk, wish)
  walk.names.set(type, name)
  walk.queue.push({ name, entity })
  return name
}

function structure(walk: Walk, name: string, entity: Entity): string {
  switch (entity['meta-type']) {
    case 'enum':
      return entity.values.map((value) => `'${value}'`).join(' | ')
    case 'alternate':
      return entity.members.map(({ type }, at) => reference(walk, type, `${name}Choice${at + 1}`)).join(' | ')
    case 'object':
      return objectType(walk, name, entity.members, entity.tag, entity.variants ?? [])
    case 'builtin':
    case 'array':
    case 'command':
    case 'event':
      throw new Error(`${name} is no type with a name`)
  }
}

function objectType(
  walk: Walk,
  name: string,
  members: Member[],
  tag: string | undefined,
  variants: { case: string; type: string }[],
): string {
  // The tag's own member is kept out of the common part, so that each variant narrows it.
  const common = members.filter((member) => member.name !== tag).map((member) => writeMember(walk, name, member))
  const commonText = `{ ${common.join('; ')} }`
  if (tag === undefined) return commonText
  const cases = variants.map((variant) => {
    const body = reference(walk, variant.type, `${name}${pascal(variant.case)}`)
    return `({ ${key(tag)}: '${variant.case}' }${body === 'Nothing' ? '' : ` & ${body}`})`
  })
  const union = `(${cases.join(' | ')})`
  return common.length === 0 ? union : `${commonText} & ${union}`
}

function writeMember(walk: Walk, owner: string, member: Member): string {
  const optional = 'default' in member ? '?' : ''
  const base = owner.replace(/(?:Arguments|Data)$/, '')
  return `${deprecation(member)}${key(member.name)}${optional}: ${reference(walk, member.type, base + pascal(member.name))}`
}

function deprecation({ features }: { features?: string[] }): string {
  return features?.includes('deprecated') === true ? '/** @deprecated */ ' : ''
}

function freeName(walk: Walk, wish: string): string {
  let name = wish
  for (let number = 2; walk.taken.has(name); number++) name = `${wish}${number}`
  walk.taken.add(name)
  return name
}

function builtin(jsonType: string): string {
  const types: Record<string, string> = { int: 'number', value: 'unknown' }
  return types[jsonType] ?? jsonType
}

function pascal(name: string): string {
  const parts = name.split(/[-_.+ ]/).map((part) => (part === part.toUpperCase() ? part.toLowerCase() : part))
  return parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')
}

function singular(name: string): string {
  return /[^s]s$/.test(name) ? name.slice(0, -1) : `${name}Item`
}

function bracket(type: string): string {
  return type.includes(' ') ? `(${type})` : type
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`
}

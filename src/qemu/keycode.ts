// Keys of the guest's keyboard by name: QEMU's own names (QKeyCode), what people call them, and the characters of a US layout.
// https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#qapidoc-QKeyCode
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { quote } from '../core/quote.js'

/** Names that QEMU knows, of keys that a PC's keyboard has. */
const qcodes = `
  shift shift_r alt alt_r ctrl ctrl_r meta_l meta_r menu esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace tab
  q w e r t y u i o p bracket_left bracket_right ret a s d f g h j k l semicolon apostrophe grave_accent backslash
  z x c v b n m comma dot slash spc caps_lock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 num_lock scroll_lock
  kp_divide kp_multiply kp_subtract kp_add kp_enter kp_decimal kp_0 kp_1 kp_2 kp_3 kp_4 kp_5 kp_6 kp_7 kp_8 kp_9
  less sysrq print home pgup pgdn end left up down right insert delete pause
`

/** Other names for the same keys. */
const synonyms: Readonly<Record<string, string>> = {
  enter: 'ret',
  return: 'ret',
  escape: 'esc',
  space: 'spc',
  del: 'delete',
  ins: 'insert',
  bs: 'backspace',
  pageup: 'pgup',
  page_up: 'pgup',
  pagedown: 'pgdn',
  page_down: 'pgdn',
  control: 'ctrl',
  altgr: 'alt_r',
  win: 'meta_l',
  super: 'meta_l',
  meta: 'meta_l',
  cmd: 'meta_l',
  capslock: 'caps_lock',
  numlock: 'num_lock',
  printscreen: 'print',
  prtsc: 'print',
  period: 'dot',
  plus: 'shift-equal',
}

/** What a key of a US keyboard writes without shift, and with it. */
const pairs: Readonly<Record<string, string>> = {
  grave_accent: '`~',
  '1': '1!',
  '2': '2@',
  '3': '3#',
  '4': '4$',
  '5': '5%',
  '6': '6^',
  '7': '7&',
  '8': '8*',
  '9': '9(',
  '0': '0)',
  minus: '-_',
  equal: '=+',
  bracket_left: '[{',
  bracket_right: ']}',
  backslash: '\\|',
  semicolon: ';:',
  apostrophe: `'"`,
  comma: ',<',
  dot: '.>',
  slash: '/?',
}

/** Keys that are pressed together, by QEMU's names, in that order. */
export type Chord = readonly string[]

interface Keyboard {
  readonly names: ReadonlySet<string>
  /** How each character is written: `A` is shift and a. */
  readonly characters: ReadonlyMap<string, Chord>
}

let made: Keyboard | undefined

/** Made when it is needed: every line of nbsvm loads this file. */
function keyboard(): Keyboard {
  made ??= {
    names: new Set(qcodes.trim().split(/\s+/)),
    characters: new Map<string, Chord>([
      ...Array.from('abcdefghijklmnopqrstuvwxyz', (letter) => [letter, [letter]] as const),
      ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) => [letter, ['shift', letter.toLowerCase()]] as const),
      ...Object.entries(pairs).flatMap(([key, [plain = '', shifted = '']]) => [
        [plain, [key]] as const,
        [shifted, ['shift', key]] as const,
      ]),
      ...Object.entries({ ' ': 'spc', '\t': 'tab', '\r': 'ret', '\n': 'ret', '\u001B': 'esc', '\u0008': 'backspace' }).map(
        ([char, key]) => [char, [key]] as const,
      ),
    ]),
  }
  return made
}

/** The keys of a word of `key`: `ctrl-alt-f2`, `ret`, `A`. Throws a UsageError with the nearest name. */
export function parseKeys(word: string): Chord {
  const character = keyboard().characters.get(word)
  if (character !== undefined) return character
  // The last may be the minus itself: `ctrl--`.
  const parts = word.endsWith('--') ? [...word.slice(0, -2).split('-'), '-'] : word.split('-')
  return parts.flatMap((part) => keysOf(part, word))
}

function keysOf(part: string, word: string): Chord {
  const { characters, names } = keyboard()
  const character = characters.get(part)
  if (character !== undefined) return character
  const name = part.toLowerCase()
  if (names.has(name)) return [name]
  if (Object.hasOwn(synonyms, name)) return (synonyms[name] ?? '').split('-')
  const near = nearest(name, [...names, ...Object.keys(synonyms)])
  const where = part === word ? '' : ` of ${quote(word)}`
  throw new UsageError(`${quote(part)}${where} is not a key${near === undefined ? '' : `; did you mean ${near}?`}`, {
    hints: ['keys are like a, ret, esc, f2, up, ctrl-alt-f2: nbsvm help key'],
  })
}

/** The keys that write a text on a US keyboard. Throws a UsageError for a character that it has not. */
export function keysFor(text: string): Chord[] {
  return Array.from(text, (char) => {
    const chord = keyboard().characters.get(char)
    if (chord !== undefined) return chord
    throw new UsageError(`no key of a US keyboard writes ${quote(char)}`, {
      hints: ['without --screen it is typed at the serial port'],
    })
  })
}

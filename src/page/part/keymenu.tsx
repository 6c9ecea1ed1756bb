import { lineOf, runLine } from '../link/run.js'
import { pointing } from './actions.js'
import { Menu } from './menu.js'

/** Keys that a browser or a desktop keeps for itself, by the names that the action `key` knows. */
const keys = [
  'ctrl-alt-delete',
  'ctrl-alt-backspace',
  ...[1, 2, 3, 4, 5, 6, 7].map((number) => `ctrl-alt-f${number}`),
  'alt-tab',
  'alt-f4',
  'ctrl-w',
  'super',
  'menu',
  'esc',
  'tab',
  'print',
  'ctrl-alt-g',
]

export function KeyMenu({ id }: { readonly id: string }) {
  return (
    <Menu icon="keys" label="Keys">
      {keys.map((key) => {
        const words = [id, 'key', key]
        return (
          <button key={key} type="button" title={lineOf(words)} {...pointing(lineOf(words))} onClick={() => void runLine(words)}>
            {name(key)}
          </button>
        )
      })}
    </Menu>
  )
}

/** `Ctrl-Alt-Delete`. */
function name(key: string): string {
  return key
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('-')
}

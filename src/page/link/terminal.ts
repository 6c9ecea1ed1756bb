// xterm.js, with what the page's rules for content and colours ask of it. Loaded only where a console is looked at; so that all else
// stays in one file, it imports nothing of the page.
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal, type ITheme } from '@xterm/xterm'

/**
 * xterm.js makes <style> elements and knows no nonce (xterm.js#4445): each gets it as it is made. And it colours cells by `style`
 * attributes, which no nonce lets in: they are set as properties, which the page's policy has nothing against.
 */
function letStylesIn(nonce: string): void {
  const make = document.createElement.bind(document)
  document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = make(name, options)
    if (element instanceof HTMLStyleElement) element.nonce = nonce
    return element
  }
  HTMLSpanElement.prototype.setAttribute = function (name: string, value: string): void {
    if (name === 'style') this.style.cssText = value
    else Element.prototype.setAttribute.call(this, name, value)
  }
}

/** What stands on the terminal's own ground is read in both; the sixteen colours are as guests expect them. */
const dark: ITheme = {
  background: '#0e1013',
  foreground: '#dfe3e6',
  cursor: '#7ab0ff',
  cursorAccent: '#0e1013',
  selectionBackground: '#2f4f7f',
  black: '#2b3036',
  red: '#ff7b72',
  green: '#5fd38d',
  yellow: '#e8b04b',
  blue: '#7ab0ff',
  magenta: '#d2a8ff',
  cyan: '#56d4dd',
  white: '#c9d1d9',
  brightBlack: '#8b949e',
  brightRed: '#ffa198',
  brightGreen: '#7ee2a8',
  brightYellow: '#f2cc60',
  brightBlue: '#a5c8ff',
  brightMagenta: '#e2c5ff',
  brightCyan: '#8be4ea',
  brightWhite: '#ffffff',
}

const light: ITheme = {
  background: '#fdfdfc',
  foreground: '#1d1f21',
  cursor: '#1f5fbf',
  cursorAccent: '#ffffff',
  selectionBackground: '#b9d2f5',
  black: '#1d1f21',
  red: '#b42318',
  green: '#1a7f37',
  yellow: '#8a5a00',
  blue: '#1f5fbf',
  magenta: '#8250df',
  cyan: '#0b7285',
  white: '#5f6368',
  brightBlack: '#6b7177',
  brightRed: '#c93c2f',
  brightGreen: '#238a45',
  brightYellow: '#946300',
  brightBlue: '#2f6fd0',
  brightMagenta: '#9363e8',
  brightCyan: '#12808f',
  brightWhite: '#3a3f44',
}

/** What was searched for, and where one is. */
const darkMarks = {
  matchBackground: '#5a4500',
  matchOverviewRuler: '#e8b04b',
  activeMatchBackground: '#9a5b00',
  activeMatchColorOverviewRuler: '#ffffff',
}

const lightMarks = {
  matchBackground: '#f7e3a1',
  matchOverviewRuler: '#855600',
  activeMatchBackground: '#ffc14d',
  activeMatchColorOverviewRuler: '#1c1e21',
}

export interface OwnTerminal {
  readonly terminal: Terminal
  /** Looks for the text, further down or up; whether it is there. */
  readonly find: (text: string, isUp: boolean) => boolean
  /** All that it has shown. */
  readonly text: () => string
  readonly close: () => void
}

export interface Surroundings {
  /** What the page's policy lets style elements in by. */
  readonly nonce: string
  readonly isDark: () => boolean
  /** Calls back when that has changed, until the returned function is called. */
  readonly followDark: (told: () => void) => () => void
}

/** From here on all text of the page is larger. */
const largeWidth = 2200

let areStylesIn = false

export function openTerminal(target: HTMLElement, { nonce, isDark, followDark }: Surroundings): OwnTerminal {
  if (!areStylesIn) letStylesIn(nonce)
  areStylesIn = true
  const terminal = new Terminal({
    fontFamily: 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace',
    fontSize: innerWidth < largeWidth ? 13 : 15,
    scrollback: 10_000,
    theme: isDark() ? dark : light,
    minimumContrastRatio: 4.5,
    allowProposedApi: true,
    screenReaderMode: true,
    // What the guest says opens nothing.
    linkHandler: { activate: () => {} },
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  terminal.loadAddon(fit)
  terminal.loadAddon(search)
  terminal.open(target)
  fit.fit()
  const size = new ResizeObserver(() => fit.fit())
  size.observe(target)
  const leave = followDark(() => (terminal.options.theme = isDark() ? dark : light))
  return {
    terminal,
    find: (text, isUp) => {
      const options = { decorations: isDark() ? darkMarks : lightMarks }
      return isUp ? search.findPrevious(text, options) : search.findNext(text, options)
    },
    text: () => allText(terminal),
    close: () => {
      size.disconnect()
      leave()
      terminal.dispose()
    },
  }
}

function allText({ buffer: { normal } }: Terminal): string {
  const lines: string[] = []
  for (let at = 0; at < normal.length; at++) {
    const line = normal.getLine(at)
    const text = line?.translateToString(true) ?? ''
    if (line?.isWrapped === true) lines.push((lines.pop() ?? '') + text)
    else lines.push(text)
  }
  return lines.join('\n').trimEnd()
}

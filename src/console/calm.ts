import type { Traces } from './sequence.js'

/**
 * Ends a string that was left open (ST), then switches off what a guest may have left switched on, harmless where it was
 * off: colours, insert mode, newline mode, local echo (SRM); application keys, reverse video, mouse reporting (9, 1000 to
 * 1016), focus reports (1004), bracketed paste (2004), colour reports (2031), held drawing (2026); then autowrap, key
 * repeat and the cursor on, keypad and character sets as usual.
 */
const always =
  '\u001B\\\u001B[m\u001B[4;20l\u001B[12h' +
  '\u001B[?1;5;9;1000;1002;1003;1004;1005;1006;1015;1016;2004;2026;2031l' +
  '\u001B[?7;8;25h\u001B>\u001B(B\u001B)0\u000F'

/** What stands below the cursor by now is left of a guest's menu. */
const belowGone = '\u001B[J'

/**
 * The bytes that give the user's terminal back as it was, with the cursor at the begin of a line of its own. What moves
 * the cursor is sent only where the guest made it necessary.
 */
export function calming(traces: Readonly<Traces>): string {
  let bytes = always
  // Leaving an alternate screen that was never entered would put the cursor where it was saved last, if ever.
  if (traces.alternate) bytes += '\u001B[?1049l'
  if (traces.margins) bytes += '\u001B[?6l\u001B[?69l\u001B[r\u001B[999;1H'
  if (traces.cursorShape) bytes += '\u001B[0 q'
  return `${bytes}\r\n${belowGone}`
}

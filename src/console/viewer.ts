import { findProgram } from '../sys/file.js'

/** VNC viewers that people have, the best first, and how each is told where to go. `::` is a port, `:` a display. */
const viewers: readonly { readonly name: string; readonly words: (port: number) => readonly string[] }[] = [
  { name: 'vncviewer', words: (port) => [`127.0.0.1::${port}`] },
  { name: 'xtightvncviewer', words: (port) => [`127.0.0.1::${port}`] },
  { name: 'remote-viewer', words: (port) => [`vnc://127.0.0.1:${port}`] },
  { name: 'gvncviewer', words: (port) => [`127.0.0.1:${port - 5900}`] },
  { name: 'vinagre', words: (port) => [`vnc://127.0.0.1:${port}`] },
  { name: 'krdc', words: (port) => [`vnc://127.0.0.1:${port}`] },
  { name: 'remmina', words: (port) => ['-c', `vnc://127.0.0.1:${port}`] },
]

/**
 * The command that shows a VNC port: the user's own `viewer` with HOST:PORT behind it, else the first viewer that is
 * installed. Undefined without one, or where there is no screen to show it on.
 */
export function viewerCommand(
  port: number,
  options: { viewer: readonly string[] | undefined; hasScreen: boolean },
): string[] | undefined {
  if (options.viewer !== undefined && options.viewer.length > 0) return [...options.viewer, `127.0.0.1::${port}`]
  if (!options.hasScreen) return undefined
  const found = viewers.find(({ name }) => findProgram(name) !== undefined)
  return found === undefined ? undefined : [found.name, ...found.words(port)]
}

// The views by their URLs.
import { isVmId } from '../../core/name.js'

/** The views of one VM; the fragment of its URL names one. */
export const tabs = ['screen', 'console', 'status', 'figures', 'drives', 'settings', 'log'] as const

export type Tab = (typeof tabs)[number]

export type Route =
  | { readonly kind: 'list' }
  | { readonly kind: 'new' }
  /** `isAlone`: in a window of its own, with nothing around it. */
  | { readonly kind: 'vm'; readonly id: string; readonly tab: Tab | undefined; readonly isAlone: boolean }
  | { readonly kind: 'nowhere'; readonly path: string }

/** What is behind `#` of a VM's URL: `#screen`, or `#screen-alone`. */
export type Fragment = Tab | `${'screen' | 'console'}-alone`

export function readRoute(base: string, pathname: string, hash: string): Route {
  if (!`${pathname}/`.startsWith(base)) return { kind: 'nowhere', path: pathname }
  const path = pathname.slice(base.length).replace(/\/$/, '')
  if (path === '') return { kind: 'list' }
  if (path === 'new') return { kind: 'new' }
  const id = /^vm\/(?<id>[^/]+)$/.exec(path)?.groups?.['id']
  if (id === undefined || !isVmId(id)) return { kind: 'nowhere', path: pathname }
  const isAlone = /^#(?:screen|console)-alone$/.test(hash)
  const name = isAlone ? hash.slice(1, -'-alone'.length) : hash.slice(1)
  return { kind: 'vm', id, tab: tabs.find((tab) => tab === name), isAlone }
}

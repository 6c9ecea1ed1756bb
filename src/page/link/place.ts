// Where the page is, and how it goes elsewhere without being loaded again.
import { readRoute, type Fragment, type Route } from '../pure/route.js'
import { cell } from './cell.js'

/** What the server has written into the HTML. */
export function written(name: 'base' | 'style-nonce'): string {
  const found = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)
  return found?.content ?? ''
}

export const base = written('base') || '/'

export const newUrl = `${base}new`

export function vmUrl(id: string, fragment?: Fragment): string {
  return `${base}vm/${id}${fragment === undefined ? '' : `#${fragment}`}`
}

/** A URL of the API for a WebSocket. */
export function socketUrl(path: string): string {
  const url = new URL(base + path, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

const here = (): Route => readRoute(base, location.pathname, location.hash)

export const route = cell<Route>(here())

addEventListener('popstate', () => route.set(here()))

export function go(url: string): void {
  if (url === location.pathname + location.hash) return
  history.pushState(null, '', url)
  route.set(here())
}

// Where a page is, as its user says it. Pure, and small: every line is read with it.

/** A reverse proxy in front of it: where that is, or a path alone. */
export interface Base {
  readonly path: string
  /** `https://vm.example.org`; undefined where the browser still names this machine. */
  readonly origin: string | undefined
}

/** `/prefix` or `https://vm.example.org/prefix`, as it is given on the line; undefined for what is neither. */
export function parseBase(text: string): Base | undefined {
  const [, origin, path = ''] = /^(https?:\/\/[^/?#@\s]+)?((?:\/[A-Za-z0-9._~-]+)*)\/?$/.exec(text) ?? []
  if (origin === undefined && path === '' && text !== '/') return undefined
  if (/\/\.{1,2}(?:\/|$)/.test(path)) return undefined
  if (origin !== undefined && !URL.canParse(origin)) return undefined
  return { path: `${path}/`, origin: origin === undefined ? undefined : new URL(origin).origin }
}

// What every answer says to the browser. Pure.

/** Of every answer. */
export const alwaysHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * What the page may do: run its own files, and no text as code; speak with this server alone; show pictures that it has made. xterm
 * makes style elements, which bear `nonce`. `host` is what the browser calls us: not every one takes 'self' for WebSockets too.
 */
export function pagePolicy({ nonce, hosts }: { readonly nonce: string; readonly hosts: readonly string[] }): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    `connect-src 'self' ${hosts.join(' ')}`.trimEnd(),
    "img-src 'self' blob: data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Of what is not the page: it may do nothing, should a browser show it. */
export const dataPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

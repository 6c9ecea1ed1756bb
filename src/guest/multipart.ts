// Two pieces of user-data as one, for cloud-init: https://docs.cloud-init.io/en/latest/explanation/format.html
import { Failure } from '../core/errors.js'

/** How user-data begins that cloud-init understands, in the order of its documentation. */
const beginnings = ['#!', '#cloud-config', '#cloud-boothook', '#include', '#part-handler', '## template: jinja', '#upstart-job']

const gzip = Buffer.from([0x1f, 0x8b])

/**
 * The user's part and a `#cloud-config` of ours in one message. Of two cloud-configs cloud-init makes one: lists are joined, and
 * where both say a word, the user's stays. A part that is multipart itself stands as it is.
 */
export function multipart(users: Buffer, ours: string): Buffer {
  const parts = [
    isMessage(users) ? users.toString('latin1') : part('text/plain', users),
    part('text/cloud-config', Buffer.from(ours), merging),
  ]
  const lines = [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    ...parts.flatMap((text) => [`--${boundary}`, text]),
    `--${boundary}--`,
    '',
  ]
  return Buffer.from(lines.join('\n'), 'latin1')
}

/** Ours comes second: it adds to what is there, and changes nothing. */
const merging = ['Merge-Type: dict(no_replace,recurse_array)+list(append)+str()']

/** No part holds it: they are base64, which has no such characters. */
const boundary = '==nbsvm=='

/** `text/plain`: cloud-init looks what it is. */
function part(type: string, bytes: Buffer, headers: readonly string[] = []): string {
  const lines = bytes.toString('base64').match(/.{1,76}/g) ?? []
  return [`Content-Type: ${type}`, 'MIME-Version: 1.0', 'Content-Transfer-Encoding: base64', ...headers, '', ...lines].join('\n')
}

function isMessage(bytes: Buffer): boolean {
  return /^(?:Content-Type: multipart\/|MIME-Version:)/i.test(bytes.subarray(0, 100).toString('latin1'))
}

/** Throws a Failure for what cloud-init would pass over with a line in its log. `file` is for that message. */
export function checkUserData(bytes: Buffer, file: string): void {
  const begin = bytes.subarray(0, 200).toString('latin1')
  if (beginnings.some((one) => begin.startsWith(one)) || isMessage(bytes) || bytes.subarray(0, 2).equals(gzip)) return
  throw new Failure(`user_data: ${file} begins with nothing that cloud-init understands`, {
    hints: ['let its first line be #cloud-config, or #!/bin/sh'],
  })
}

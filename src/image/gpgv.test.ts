import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultIn } from './gpgv.js'

const key = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81'
const other = `A${key.slice(1)}`
const signers = { vendor: 'ubuntu', keys: [key] }

/** What gpgv 2.2.40 says of a signature by a key. */
function said(verdict: string, by = key, primary = by): string {
  return [
    'NEWSIG',
    `KEY_CONSIDERED ${by} 0`,
    `${verdict} ${by.slice(-16)} Somebody <somebody@example.org>`,
    `VALIDSIG ${by} 2026-07-25 1784937600 0 4 0 1 10 00 ${primary}`,
  ]
    .map((line) => `[GNUPG:] ${line}\n`)
    .join('')
}

const unknown = `[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG ${other.slice(-16)} 1 10 00 1784937600 9 ${other}\n[GNUPG:] NO_PUBKEY ${other.slice(-16)}\n`

test('a good signature by a key that may sign counts, also by a subkey, and beside one of a stranger', () => {
  assert.equal(faultIn(said('GOODSIG'), signers), undefined)
  assert.equal(faultIn(said('GOODSIG', other, key), signers), undefined)
  assert.equal(faultIn(unknown + said('GOODSIG'), signers), undefined)
})

test('every other one is refused with its reason', () => {
  const refused: readonly [string, RegExp][] = [
    ['', /there is none/],
    ['[GNUPG:] NODATA 1\n', /there is none/],
    [unknown, /not one of ubuntu's/],
    [said('GOODSIG', key, other), /not one of ubuntu's/],
    [said('EXPKEYSIG'), /has expired/],
    [said('REVKEYSIG'), /was revoked/],
    [said('EXPSIG'), /it has expired/],
    [`[GNUPG:] NEWSIG\n[GNUPG:] BADSIG ${key.slice(-16)} Somebody\n`, /has been changed/],
    [`${said('GOODSIG')}[GNUPG:] NEWSIG\n[GNUPG:] BADSIG ${key.slice(-16)} Somebody\n`, /has been changed/],
    // Somebody's name is not a status line.
    [`gpgv: [GNUPG:] GOODSIG\n${unknown.replace('ERRSIG', 'GOODSIG')}`, /none|not one/],
    [said('GOODSIG').replaceAll('[GNUPG:] ', ''), /there is none/],
  ]
  for (const [status, why] of refused) assert.match(faultIn(status, signers) ?? 'good', why, status)
})

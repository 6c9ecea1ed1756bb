import type { Mutation } from './mutation.js'

const list = 'src/image/list.ts'
const listTest = 'src/image/list.test.ts'
const gpgv = 'src/image/gpgv.ts'
const gpgvTest = 'src/image/gpgv.test.ts'
const transport = 'src/image/transport.ts'
const transportTest = 'src/image/transport.test.ts'
const download = 'src/image/download.ts'
const pull = 'src/image/pull.ts'
const vendors = 'test/images-vendors.test.ts'

/** What stands between a vendor of images and a drive. */
export const image: readonly Mutation[] = [
  {
    fault: 'of two digests of a file the first is taken',
    file: list,
    from: 'first.digest === undefined || different.size > 1',
    to: 'first.digest === undefined',
    test: listTest,
  },
  {
    fault: 'a list about another file counts',
    file: list,
    from: 'own.length === 0 && isLone === true &&',
    to: 'own.length === 0 &&',
    test: listTest,
  },
  {
    fault: 'a signature by any key of the ring counts',
    file: gpgv,
    from: ' && keys.includes(primary)',
    to: '',
    test: gpgvTest,
  },
  {
    fault: 'a signature by a key that has expired counts',
    file: gpgv,
    from: "if (find('EXPKEYSIG') !== undefined) return",
    to: "if (find('NEVER') !== undefined) return",
    test: vendors,
    only: 'by an expired key',
  },
  {
    fault: 'http is good enough',
    file: transport,
    from: "(decidedBy !== 'nothing' || isLoopback(url))",
    to: "(decidedBy !== 'nothing' || url.port !== '1')",
    test: transportTest,
  },
  {
    fault: 'a redirection from https to http is followed',
    file: transport,
    from: "if (from.protocol === 'https:' && to.protocol !== 'https:') {",
    to: "if (from.protocol === 'https:' && to.protocol === 'file:') {",
    test: transportTest,
  },
  {
    fault: 'a weak ETag tells that it is the same file',
    file: transport,
    from: '/^"[',
    to: '/^(?:W\\/)?"[',
    test: transportTest,
  },
  {
    fault: 'what a part is of is not looked at',
    file: download,
    from: 'range.start === state.doneBytes && ',
    to: '',
    test: 'test/images-servers.test.ts',
  },
  {
    fault: 'what does not match is kept',
    file: pull,
    from: 'return one.algorithm === other.algorithm && one.hex === other.hex',
    to: 'return one.algorithm === other.algorithm',
    test: vendors,
    only: 'a digest that does not fit',
  },
  {
    fault: 'the list is not asked again',
    file: pull,
    from: 'isLastTry ? undefined : await wanted.again?.()',
    to: 'undefined as Awaited<ReturnType<NonNullable<Wanted["again"]>>> | undefined',
    test: vendors,
    only: 'published apart',
  },
  {
    fault: 'an image that was changed is used',
    file: 'src/image/kept.ts',
    from: '  if (stamp === kept.stamp) return true\n',
    to: '  if (stamp !== "") return true\n',
    test: 'test/whole/images-path.test.ts',
    only: 'is never used',
  },
]

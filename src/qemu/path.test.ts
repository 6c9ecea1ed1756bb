import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withFullPaths } from './path.js'

const find = (name: string): string | undefined => (['x.iso', 'd', 'a,b.img'].includes(name) ? `/here/${name}` : undefined)
const full = (line: string): string => withFullPaths(line.split(' '), find).join(' ')

test('files of the folder that one is in are found from there, all else is left as it is', () => {
  for (const [line, expected] of [
    ['-cdrom x.iso -boot d', '-cdrom /here/x.iso -boot d'],
    ['--cdrom x.iso', '--cdrom /here/x.iso'],
    ['-cdrom /x.iso', '-cdrom /x.iso'],
    ['-cdrom y.iso', '-cdrom y.iso'],
    ['-drive if=virtio,file=x.iso,format=raw', '-drive if=virtio,file=/here/x.iso,format=raw'],
    ['-drive file=a,,b.img,format=raw', '-drive file=/here/a,,b.img,format=raw'],
    ['-drive file=y.iso', '-drive file=y.iso'],
    ['-append d -name d', '-append d -name d'],
    ['-blockdev {"driver":"file","filename":"x.iso"}', '-blockdev {"driver":"file","filename":"x.iso"}'],
    ['x.iso', 'x.iso'],
  ] as const) {
    assert.equal(full(line), expected)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceFault, judge, type Surroundings, type TrialResult } from './trial.js'

const around: Surroundings = { device: '/dev/kvm', mode: 0o20660, group: 'kvm', module: 'kvm_intel' }

test('the verdict on a trial', () => {
  const qemu = 'qemu-system-x86_64: '
  const table: readonly (readonly [result: Partial<TrialResult>, works: boolean, why: RegExp, isDoubtful?: true])[] = [
    [{ status: 85, marks: 'rpl' }, true, /^a trial guest ran 64-bit code with it$/],
    [{ status: 85, marks: 'rpl', stderr: `${qemu}warning: host doesn't support pni\n` }, true, /ran 64-bit code/],
    [{ status: 137, marks: 'rpl', quietMs: 900 }, false, /^it runs 64-bit code far too slowly/],
    [{ status: 137, marks: 'rp', quietMs: 900 }, false, /^a trial guest hung with it on the way into 64-bit mode$/],
    [{ status: 137, marks: 'r', quietMs: 900 }, false, /^a trial guest hung with it before protected mode$/],
    // The host may have been too busy even to begin, or to get to the end.
    [{ status: 137, marks: '', quietMs: 1000 }, false, /^a trial guest did not begin$/, true],
    [{ status: 137, marks: 'rpl', quietMs: 20 }, false, /far too slowly/, true],
    [
      { status: 137, marks: 'rp', quietMs: 900, stderr: 'KVM internal error. Suberror: 1\n' },
      false,
      /64-bit mode: KVM internal error/,
    ],
    [{ status: 137, marks: 'x\u0000', quietMs: 900 }, false, /^a trial guest hung with it$/],
    [{ status: 0, marks: 'rp' }, false, /^a trial guest crashed with it: QEMU ended with 0$/],
    [
      { status: 134, stderr: `${qemu}warning: x\n${qemu}error: failed to set MSR 0x40000000 to 0x1\n` },
      false,
      /^a trial guest failed with it: error: failed to set MSR/,
    ],
    [{ status: 1, stderr: `${qemu}-accel kvm: invalid accelerator kvm\n` }, false, /^this QEMU is built without KVM$/],
    [
      {
        status: 1,
        stderr: `Could not access KVM kernel module: Permission denied\n${qemu}-accel kvm: failed to initialize kvm\n`,
      },
      false,
      /^\/dev\/kvm is closed to you: sudo usermod -aG kvm \$USER, then log in again$/,
    ],
    [{ status: 1, stderr: 'Could not access KVM kernel module: No such file or directory\n' }, false, /sudo modprobe kvm_intel$/],
    [{ status: 1, stderr: '' }, false, /QEMU ended with 1/],
  ]
  for (const [result, works, why, isDoubtful] of table) {
    const verdict = judge({ status: 0, marks: '', stderr: '', quietMs: 0, ...result }, around)
    assert.equal(verdict.works, works)
    assert.match(verdict.why, why)
    assert.equal(verdict.isDoubtful, isDoubtful, verdict.why)
  }
})

test('why the device cannot be opened, and what helps', () => {
  const table: readonly (readonly [code: string, around: Partial<Surroundings>, words: string])[] = [
    ['EACCES', {}, '/dev/kvm is closed to you: sudo usermod -aG kvm $USER, then log in again'],
    [
      'EACCES',
      { user: 'nobody' },
      '/dev/kvm is closed to nobody, whom QEMU runs as: sudo chgrp kvm /dev/kvm && sudo chmod g+rw /dev/kvm',
    ],
    ['EACCES', { group: 'vm' }, '/dev/kvm is closed to you: sudo usermod -aG vm $USER, then log in again'],
    [
      'EACCES',
      { mode: 0o20600, group: 'root' },
      '/dev/kvm is closed to you: sudo chgrp kvm /dev/kvm && sudo chmod g+rw /dev/kvm && sudo usermod -aG kvm $USER, then log in again',
    ],
    ['ENOENT', { module: 'kvm_amd' }, 'there is no /dev/kvm: the kernel module is not loaded: sudo modprobe kvm_amd'],
    [
      'ENODEV',
      { module: undefined },
      "there is no /dev/kvm, and the CPU shows no virtualization: it is off in the firmware's settings, or this machine is a guest itself",
    ],
    ['EBUSY', {}, '/dev/kvm cannot be opened (EBUSY)'],
  ]
  for (const [code, change, words] of table) assert.equal(deviceFault(code, { ...around, ...change }), words)
})

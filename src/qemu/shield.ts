// Before 8.2, QEMU opens the file of its RAM for writing even where it keeps what is written to itself, and a guest that gives memory
// back (free page reporting, a balloon) makes it punch holes into that file: into the RAM of all that stand on it. So such a QEMU is
// run without fallocate(2), which the kernel refuses it then: https://docs.kernel.org/userspace-api/seccomp_filter.html
import type { Arch } from '../model/guest.js'
import type { Words } from '../model/machine.js'

/** By architecture: numbers of prctl(2), seccomp(2) and fallocate(2), as include/uapi/asm-generic/unistd.h and x86's table have them. */
const calls: Readonly<Record<Arch, readonly [prctl: number, seccomp: number, fallocate: number]>> = {
  x86_64: [157, 317, 285],
  aarch64: [167, 277, 47],
  riscv64: [167, 277, 47],
}

/** Load the call's number; if it is fallocate: refuse it as not supported; else let it through. `struct sock_filter` is "SCCL". */
const script = `
my ($prctl, $seccomp, $fallocate) = splice @ARGV, 0, 3;
my $filter = pack('SCCL' x 4, 0x20, 0, 0, 0, 0x15, 0, 1, $fallocate, 0x06, 0, 0, 0x50000 | 95, 0x06, 0, 0, 0x7fff0000);
my $program = pack('Sx6P', 4, $filter);
syscall($prctl, 38, 1, 0, 0, 0) == 0 && syscall($seccomp + 0, 1, 0, $program) == 0 or die "cannot forbid fallocate: $!\\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`

/** What QEMU is run through for that, on a host of this architecture. It needs perl. */
export function shield(arch: Arch): Words {
  const numbers = calls[arch]
  return ['perl', '-e', script.trim().replaceAll('\n', ' '), ...numbers.map(String)]
}

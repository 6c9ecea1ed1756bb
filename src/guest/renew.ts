// What makes a running Linux another than the one that it is a copy of: scripts for the guest's /bin/sh, and what they say. Pure.
// What is in the memory of programs cannot be renewed: keys of TLS, sessions, random numbers that a library has drawn already, the
// machine-id that PID 1 and dbus-daemon have read, the kernel's boot id. The name of an iSCSI initiator stays too, for others know
// it, and so does the journal's folder.
import type { KeyPair } from './key.js'
import { cardSteps, scriptHead } from './renewcards.js'

/** The address of a network card, as it was and as it is to be: `52:54:00:12:34:56`. */
export interface CardChange {
  readonly from: string
  readonly to: string
}

/** Who a guest is. */
export interface Identity {
  /** As hostname(7) has it. */
  readonly hostname: string
  /** 32 hexadecimal digits, small letters. */
  readonly machineId: string
  /** What its sshd shows itself by: ed25519, as OpenSSH writes it. */
  readonly hostKey: KeyPair
  readonly macs: readonly CardChange[]
}

/** The exit status of `renewScript` where the guest is none that it knows. */
export const notLinuxStatus = 64

/** What did not work, by the exit status of the scripts. */
export const renewSteps: Readonly<Record<number, string>> = {
  65: 'a folder to work in',
  66: 'its random numbers',
  67: 'files that are to go',
  68: "its sshd's key",
  69: 'its name',
  70: 'its machine-id',
  71: 'its network cards',
  72: 'its services, which are to take that over',
  73: 'its DHCP clients',
}

/**
 * Mixes what it reads, hexadecimal digits, into the kernel's pool, and has that used at once: whoever only writes into /dev/urandom
 * waits for up to a minute. The numbers are RNDADDENTROPY and RNDRESEEDCRNG of random(4).
 */
const perlMix = `
$noise = pack "H*", <STDIN> =~ s/\\s//gr;
open $pool, "+<", "/dev/urandom" or die "/dev/urandom: $!\\n";
$added = pack "ii a*", 8 * length $noise, length $noise, $noise;
ioctl $pool, 0x40085203, $added or die "it takes no randomness: $!\\n";
ioctl $pool, 0x5207, 0 or die "it does not use what was added: $!\\n";
`

const pythonMix = `
import fcntl, struct, sys
noise = bytearray.fromhex(sys.stdin.readline().strip())
pool = open("/dev/urandom", "wb", 0)
fcntl.ioctl(pool, 0x40085203, struct.pack("ii", 8 * len(noise), len(noise)) + bytes(noise))
fcntl.ioctl(pool, 0x5207)
`

/**
 * Replaces whole names in lines of /etc/hosts, blanks left as they are; what a name has behind it (a domain) stays. Fails where none
 * is there.
 */
const hostsAwk = `
function other(word) {
  if (word == old || word == short) return name
  if (index(word, short ".") == 1) return name substr(word, length(short) + 1)
  return word
}
{
  line = ""
  while (match($0, /[^ \\t]+/)) {
    word = substr($0, RSTART, RLENGTH)
    line = line substr($0, 1, RSTART - 1) other(word)
    if (other(word) != word) found = 1
    $0 = substr($0, RSTART + RLENGTH)
  }
  print line $0
}
END { exit !found }`

/**
 * Gives a guest another identity, for all but the leases of its network cards. Arguments: hostname, machine-id, public host key, how
 * many seconds its clock is to be set on (0 for not at all), then two addresses for each card. Reads a line of hexadecimal digits,
 * which is new randomness, and the secret host key. Prints a line for each card: `cardLine`.
 *
 * A file is written where it is, so that links, owners and labels stay. A program that is started takes a guest that is translated
 * 30 ms and more, so there are few.
 */
export const renewScript = `
read -r kernel 2>/dev/null </proc/sys/kernel/ostype
[ "$kernel" = Linux ] || exit ${notLinuxStatus}
${scriptHead}
name=$1 id=$2 public=$3 ahead=$4
shift 4
IFS= read -r noise
secret=
while IFS= read -r line; do secret="$secret$line
"; done

mix() {
  for python in python3 /usr/libexec/platform-python none; do ! has $python || break; done
  if has perl && echo "$noise" | perl -e '${perlMix}'; then return; fi
  if [ $python != none ] && echo "$noise" | $python -I -S -c '${pythonMix}'; then return; fi
  # A kernel with a driver for it has seen by QEMU's vmgenid that it is a copy, and has done so itself.
  for device in /sys/bus/acpi/drivers/vmgenid/*:* /sys/bus/platform/drivers/vmgenid/*:*; do
    [ ! -e "$device" ] || return 0
  done
  has perl || [ $python != none ] || echo "neither perl nor python3 is there, nor the kernel's driver for vmgenid"
  return 1
}

keys() {
  for key in /etc/dropbear/dropbear_*_host_key; do
    [ ! -e "$key" ] || { echo "$key cannot be made anew: only those of OpenSSH"; return 1; }
  done
  [ -d /etc/ssh ] || return 0
  other=$(grep -siE '^[[:space:]]*HostKey[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf |
    grep -vE '[[:space:]]"?/etc/ssh/ssh_host_[A-Za-z0-9_]+_key"?[[:space:]]*$') || other=
  [ -z "$other" ] || { echo "it shows itself by others too: $other"; return 1; }
  mine=/etc/ssh/ssh_host_ed25519_key
  umask 077
  printf %s "$secret" >$mine
  umask 022
  printf '%s\\n' "$public" >$mine.pub
  label $mine $mine.pub
}

label() {
  if [ -e /sys/fs/selinux/enforce ] && has restorecon; then restorecon "$@"; fi
}

rename() {
  read -r old </proc/sys/kernel/hostname
  printf '%s\\n' "$name" >/etc/hostname
  label /etc/hostname
  printf %s "$name" >/proc/sys/kernel/hostname
  short=\${old%%.*}
  case $old in *[!A-Za-z0-9._-]*) return 0 ;; esac
  case $short in '' | localhost) return 0 ;; esac
  [ -e /etc/hosts ] || return 0
  if hosts=$(awk -v old="$old" -v short="$short" -v name="$name" '${hostsAwk}' </etc/hosts); then
    printf '%s\\n' "$hosts" >/etc/hosts
  fi
}

reidentify() {
  for file in /etc/machine-id /var/lib/dbus/machine-id; do
    if [ -f "$file" ] && [ ! -L "$file" ]; then printf '%s\\n' "$id" >"$file"; fi
  done
}

# Keys of sshd, what the next boot would begin its random numbers with, and what DHCP clients know themselves by.
forget() {
  rm -rf /etc/ssh/ssh_host_*_key* /var/lib/systemd/random-seed /var/lib/seedrng /var/lib/urandom/random-seed \\
    /var/lib/misc/random-seed /var/lib/random-seed /boot/loader/random-seed /efi/loader/random-seed \\
    /boot/efi/loader/random-seed /var/lib/dhcp/dhclient*.leases /var/lib/dhclient/*.lease* /var/lib/NetworkManager/*.lease \\
    /var/lib/NetworkManager/secret_key
}

${cardSteps}
# A listener that is told to begins again, with the same words, in a fifth of the time that its unit takes, and writes its number down
# when it listens. One that has its socket from systemd might not have it any more then.
sshd() {
  listener=
  for file in /run/sshd.pid /var/run/sshd.pid; do
    { read -r listener <"$file" && read -r comm <"/proc/$listener/comm"; } 2>/dev/null || continue
    [ "$comm" = sshd ] && ! grep -q LISTEN_FDS "/proc/$listener/environ" || continue
    rm -f "$file"
    kill -HUP "$listener"
    listening=$file
    return
  done
  units="$units ssh sshd"
}

services() {
  units='' listening=''
  sshd
  # It has the machine-id, of which its DUID is made, in its memory.
  units="$units systemd-networkd NetworkManager"
  if [ -d /run/systemd/system ]; then restart $units; fi
  [ -n "$listening" ] || return 0
  tries=100
  while [ ! -s "$listening" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "sshd did not begin again"; return 1; }
    sleep 0.05
  done
}

# Those that are there, and run.
restart() {
  for unit; do
    shift
    for folder in /etc /run /usr/lib /lib; do
      [ ! -e "$folder/systemd/system/$unit.service" ] || { set -- "$@" "$unit.service"; break; }
    done
  done
  [ $# = 0 ] || systemctl try-restart "$@"
}

step 66 mix
[ "$ahead" = 0 ] || date -s "$ahead seconds" >/dev/null 2>&1 || :
step 67 forget
step 68 keys
step 69 rename
step 70 reidentify
: >"$work/cards"
step 71 network "$@"
step 72 services
cat "$work/cards"
`

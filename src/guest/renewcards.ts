// What renews a guest's network cards, for its /bin/sh: see renew.ts. Pure.

/** What both scripts begin with. A step says what it has to say only where it fails, for programs that go on may hold its output. */
export const scriptHead = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH LC_ALL=C
umask 022
work=
for base in /run /dev/shm /tmp; do
  [ -d "$base" ] && work=$(mktemp -d "$base/nbsvm.XXXXXXXXXX") && break
done
[ -n "$work" ] || exit 65
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
has() { command -v "$1" >/dev/null 2>&1; }
step() {
  status=$1
  shift
  # In a condition -e would do nothing.
  (set -e; "$@") >"$work/said" 2>&1
  [ $? = 0 ] || { cat "$work/said" >&2; exit "$status"; }
}
`

/** Functions of the script that gives a guest another identity: `network FROM TO ...` */
export const cardSteps = `
# The interfaces that have the address $1: first those that are devices, which bridges and the like take theirs from.
having() {
  for kind in device none; do
    for at in /sys/class/net/*; do
      if [ -e "$at/device" ]; then is=device; else is=none; fi
      [ $is = $kind ] && read -r address 2>/dev/null <"$at/address" || continue
      [ "$address" != "$1" ] || echo "\${at##*/}"
    done
  done
}

cards() {
  while [ $# -gt 1 ]; do
    found=$(having "$1")
    [ -n "$found" ] || found=$(having "$2")
    [ -n "$found" ] || { echo "none of them has the address $1"; return 1; }
    for card in $found; do readdress "$card" "$1" "$2"; done
    shift 2
  done
}

readdress() {
  read -r address <"/sys/class/net/$1/address"
  if [ "$address" = "$2" ] && ! ip link set dev "$1" address "$3"; then
    ip link set dev "$1" down
    ip link set dev "$1" address "$3"
    ip link set dev "$1" up
  fi
  awaited=idle told=untold
  # Where networkd has seen that the link was cut it has taken the address back already.
  read -r index <"/sys/class/net/$1/ifindex"
  file=
  if [ -e "/run/systemd/netif/links/$index" ]; then
    while IFS= read -r line; do
      case $line in NETWORK_FILE=?*) file=\${line#*=} ;; esac
    done <"/run/systemd/netif/links/$index"
  fi
  if [ -n "$file" ] && [ -e "$file" ]; then
    told=told
    ! grep -Eq '^(DHCP=(yes|ipv4|true|on|1)|Address=[0-9.]+(/|$))' "$file" || awaited=awaited
    # It would ask for the same again.
    ip -4 addr flush dev "$1" dynamic
  else
    [ -z "$(ip -4 addr show dev "$1" scope global)" ] || awaited=awaited
  fi
  # By these two all addresses of IPv6 go, and the one of the link is made of the new address.
  ipv6=/proc/sys/net/ipv6/conf/$1/disable_ipv6
  if [ -e "$ipv6" ]; then
    # It has no line's end for who reads it byte by byte.
    read -r off <"$ipv6" || [ -n "$off" ]
    [ "$off" != 0 ] || { echo 1 >"$ipv6"; echo 0 >"$ipv6"; }
  fi
  echo "card $3 $awaited $told" >>"$work/cards"
}

# Files that name an address, which is matched by at the next boot.
files() {
  set -- "$@" -- /etc/netplan /etc/systemd/network /run/systemd/network /etc/network /etc/NetworkManager/system-connections \\
    /run/NetworkManager/system-connections /etc/sysconfig/network-scripts /etc/sysconfig/network /etc/udev/rules.d \\
    /run/udev/rules.d /etc/cloud/cloud.cfg.d
  words='' edits=''
  while [ "$1" != -- ]; do
    words="$words -e $1" edits="$edits;s/$1/$2/Ig"
    shift 2
  done
  shift
  [ -n "$words" ] || return 0
  for folder; do
    shift
    [ ! -d "$folder" ] || set -- "$@" "$folder"
  done
  [ $# -gt 0 ] || return 0
  grep -rliF $words "$@" >"$work/files" || return 0
  while IFS= read -r file; do
    text=$(sed "\${edits#;}" "$file")
    printf '%s\\n' "$text" >"$file"
  done <"$work/files"
}

network() {
  cards "$@"
  files "$@"
}
`

/** What that says of a card: its new address, whether it is one that gets addresses of IPv4, whether who looks after it knows. */
export const cardLine = /^card ((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (awaited|idle) (told|untold)$/

/**
 * Lets the DHCP clients that nobody else looks after ask anew, which they do only once they are started again: they know themselves
 * by the address that they have begun with. Arguments: the new addresses of cards. None is told to end by itself, for it might
 * give back what is another's.
 */
export const leaseScript = `
${scriptHead}
clients() {
  for address; do
    for at in /sys/class/net/*/address; do
      read -r found <"$at" || continue
      [ "$found" = "$address" ] || continue
      card=\${at%/address}
      lease "\${card##*/}"
    done
  done
}

lease() {
  read -r index <"/sys/class/net/$1/ifindex"
  file=/run/NetworkManager/devices/$index
  if [ -e "$file" ]; then
    connection=$(sed -n 's/^connection-uuid=//p' "$file")
    [ -z "$connection" ] || { nmcli -w 10 connection up uuid "$connection" ifname "$1"; return; }
  fi
  isFound=no
  for process in /proc/[0-9]*; do
    read -r comm 2>/dev/null <"$process/comm" || continue
    case $comm in udhcpc | dhclient) ;; *) continue ;; esac
    words=$(tr '\\0' ' ' <"$process/cmdline") || continue
    case "$words " in *" $1 "* | *" -i$1 "*) ;; *) continue ;; esac
    isFound=yes
    cat "$process/cmdline" >"$work/words"
    kill -KILL "\${process#/proc/}"
    ip -4 addr flush dev "$1" scope global
    xargs -0 sh -c '"$@" </dev/null >/dev/null 2>&1 &' sh <"$work/words"
  done
  [ $isFound = yes ] || [ -z "$(ip -4 addr show dev "$1" scope global | grep dynamic)" ] || {
    echo "$1 has a lease of a DHCP client that is not known"
    return 1
  }
}

step 73 clients "$@"
`

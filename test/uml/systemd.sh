#!/bin/sh
# Runs inside User-Mode Linux: starts a systemd that has nothing but units of ours, then a command, which enters its namespaces
# with the words in $NBSVM_TEST_ENTER. The host's files cannot be written from here on, /run can.
#   systemd.sh COMMAND [WORDS]
set -eu
units=/run/units

main() {
  make_targets
  mount -t tmpfs units /etc/systemd/system
  mount -t cgroup2 cgroup /sys/fs/cgroup
  mount -o remount,bind,ro /
  start
  export NBSVM_TEST_ENTER="nsenter -t $systemd -p -m -C --"
  "$@"
}

# What a unit with default dependencies wants, and a way to end: the machine's own targets would start all that it has.
make_targets() {
  mkdir -p "$units/nbsvm-.service.d" /run/lock
  for name in sysinit basic shutdown umount final; do
    unit "$name.target" '[Unit]' 'DefaultDependencies=no'
  done
  unit multi-user.target '[Unit]' 'Requires=basic.target' 'After=basic.target'
  unit poweroff.target '[Unit]' 'DefaultDependencies=no' 'Requires=off.service' 'After=off.service' 'AllowIsolate=yes'
  unit off.service '[Unit]' 'DefaultDependencies=no' 'Requires=shutdown.target' 'After=shutdown.target' \
    'SuccessAction=poweroff-force' '[Service]' 'Type=oneshot' 'ExecStart=/bin/true'
  # There is no journal.
  unit nbsvm-.service.d/log.conf '[Service]' 'StandardOutput=append:/run/log' 'Environment=TMPDIR=/run/tmp'
}

# unit NAME LINE...
unit() {
  file=$units/$1
  shift
  printf '%s\n' "$@" >"$file"
}

# Leaves its pid in $systemd. As process 1 of a namespace it believes that it runs a container.
start() {
  program=/usr/lib/systemd/systemd
  [ -x "$program" ] || program=/lib/systemd/systemd
  env container=test SYSTEMD_UNIT_PATH="/etc/systemd/system:$units" SYSTEMD_GENERATOR_PATH=/run/none SYSTEMD_LOG_TARGET=console \
    unshare --pid --fork --mount-proc "$program" --system --unit=multi-user.target --show-status=no \
    >/run/systemd.log 2>&1 </dev/null &
  parent=$!
  for _ in $(seq 100); do
    [ -S /run/systemd/private ] && break
    sleep 0.1
  done
  systemd=$(cat "/proc/$parent/task/$parent/children")
  systemd=${systemd% }
}

main "$@"

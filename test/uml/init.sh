#!/bin/sh
# The first process inside User-Mode Linux: makes ready what a test of volumes and networks needs, runs the command that
# run.ts left in $nbsvm_out/command (a folder of the host), and leaves what it wrote and how it ended beside it.
# The root is the host's own, so /tmp and everything outside the mounts below is the host's too.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
mkdir -p /run/lock/lvm /run/lvm /run/tmp /run/home
ip link set lo up 2>/dev/null

# modprobe wants its modules in lib/modules of some root: one made here, so that the host's /lib/modules is not touched.
mkdir -p /run/modules/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/modules/lib/modules/
for module in dm-mod dm-snapshot dm-thin-pool loop tun bridge; do
  modprobe -d /run/modules "$module" || echo "init.sh: no module $module"
done

# The kernel hands its own words on as variables, and mem=2G would be a setting of nbsvm.
env -i PATH="$PATH" HOME=/run/home TMPDIR=/run/tmp sh "$nbsvm_out/command" >"$nbsvm_out/output" 2>&1 </dev/null
echo $? >"$nbsvm_out/status.new"
mv "$nbsvm_out/status.new" "$nbsvm_out/status"

# Not halt(8), which not every machine has and which writes into the host's log of logins.
echo o >/proc/sysrq-trigger
sleep 10

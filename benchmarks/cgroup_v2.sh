#!/bin/bash
# Greedy submissions under a real control group of version 2, on a machine that has none:
#
#     apt install user-mode-linux && benchmarks/cgroup_v2.sh
#
# User-Mode Linux is a kernel that runs as a program. It sees this machine's files, read-only; what is
# written lies in memory. A class of three right and four greedy submissions is graded in a group of
# 2 GiB, which takes some minutes: it has one processor, and starting processes is slow there.
here=$(cd "$(dirname "$0")/.." && pwd)
me=$here/benchmarks/$(basename "$0")

if [ $$ != 1 ]; then
    exec linux.uml mem=6G root=/dev/root rootfstype=hostfs rootflags=/ ro quiet init="$me" \
        cgroup_no_v1=all con=null con0=null,fd:1 </dev/null
fi

export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/run PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$here
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /dev
for each in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$each"
    mknod -m 666 "/dev/$name" c "$major" "$minor"
done
mkdir /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
for folder in /dev/shm /tmp /var/tmp /run; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
group=/sys/fs/cgroup/run
mkdir $group
echo 2G >$group/memory.max
python=$here/.venv/bin/python
$python - <<'CLASS'
from pathlib import Path

from tests.attacks import read_cases
from tests.grading import sample

course = sample.make_course(Path("/tmp/course"))
for number in range(3):
    sample.hand_in(course, f"right{number}", sample.right_notebook())
for case in read_cases():
    if case.name in ("memory_bomb", "memory_files", "sockets_filled", "fork_bomb"):
        sample.hand_in(course, case.name, sample.answered({**sample.RIGHT, "softmax_flops": case.cell}))
CLASS
(
    echo $BASHPID >$group/cgroup.procs
    cd /tmp/course && exec $python -m helpers.cli grade sample --jobs 1
) 2>&1 | cat
grep . $group/memory.peak $group/memory.events
find $group -name "student-*"
echo o >/proc/sysrq-trigger
sleep 9

#!/usr/bin/env bash
# Works while the node leads whose socket is at PATH: worker.sh PATH. It needs socat and jq.
now() { read -r uptime _ </proc/uptime; now=$((10#${uptime/./} * 10000000 + 10000000)); } # rounded up, in nanoseconds
work() { echo "$1 $now"; sleep 0.002; } # A piece of work is shorter than the margin of the lease, and carries the term.
lease='select(has("lease")) | .lease | "\(.term // 0) \(.until_ns // 0)"'
follow() { # Returns when a lease has ended, and ends when the node has.
    for ((until = 0, before = 0; until || !before; )); do
        if now; ((now < until)) && ! read -r -t 0; then work "$term"
        else before=$until; read -r term until || { echo "the node has ended" >&2; exit 1; }; fi
    done
}
while exec {node}< <(exec socat -u "UNIX-CONNECT:$1" -) && socat=$!; do
    follow < <(exec jq --unbuffered -r "$lease" <&"$node")
    kill "$socat"; exec {node}<&- # Hanging up says that the work has stopped, so that another node may lead.
done

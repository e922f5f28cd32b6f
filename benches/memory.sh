#!/usr/bin/env bash
# Resident memory and CPU of the dashboard alone with many sessions: bash benches/memory.sh [SESSIONS] [SECONDS]
# The simulated AWS runs as a process of its own, the dashboard on a pseudo-terminal of 200x60 (util-linux `script`).
set -euo pipefail
sessions=${1:-10000}
seconds=${2:-90}
program=${SSMWATCH:-target/release/ssmwatch}
. "$(dirname "$0")/simulated.sh"
simulated "$program" --scenario "generated:$sessions"
{ echo 'read_only = true'; cat "$work/accounts.toml"; } >"$config"

sleep "$((seconds + 30))" >"$work/keys" &
script -qfc "stty cols 200 rows 60; exec '$program' --config '$config' --endpoint-url '$endpoint'" "$work/screen" <"$work/keys" >/dev/null &
sleep 2
dashboard=$(pgrep -nf -- "--config $config")
before=$(awk '{print $14 + $15}' "/proc/$dashboard/stat")
sleep "$seconds"
after=$(awk '{print $14 + $15}' "/proc/$dashboard/stat")
awk -v n="$sessions" '/^VmRSS/ {rss=$2} /^VmHWM/ {peak=$2} END {printf "%d sessions: RSS %.1f MB, peak %.1f MB\n", n, rss/1024, peak/1024}' "/proc/$dashboard/status"
awk -v ticks="$((after - before))" -v hz="$(getconf CLK_TCK)" -v s="$seconds" 'BEGIN {printf "CPU %.2f %% of a core over %d s\n", 100*ticks/hz/s, s}'
kill -TERM "$dashboard"

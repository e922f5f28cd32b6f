#!/usr/bin/env bash
# Resident memory and CPU of the dashboard over a long time: bash benches/soak.sh [SECONDS] [SESSIONS A DAY] [SPEED]
# The simulated AWS runs as a process of its own, the dashboard as a wall on a pseudo-terminal of 200x60 (util-linux `script`). Each line
# is one sample: seconds, resident memory of the dashboard (MB), its CPU since the last one (% of a core), bytes written to the terminal.
set -euo pipefail
seconds=${1:-3600}
a_day=${2:-2000}
speed=${3:-20}
every=${EVERY:-60}
program=$(realpath "${SSMWATCH:-target/release/ssmwatch}")
scenario=$(realpath "$(dirname "$0")/../src/sim/scenarios/default.toml")
. "$(dirname "$0")/simulated.sh"

work=$(mktemp -d)
crowd=$work/scenario.toml
# The crowd of the default scenario, as large as makes that many sessions a day: each lasts 1,500 s on average.
awk -v active="$(( (a_day * 1500 + 43200) / 86400 ))" '
  /^\[/ { crowd = ($0 == "[crowd]") }
  crowd && /^active *=/ { $0 = "active = " active }
  { print }' "$scenario" >"$crowd"
simulated "$program" --scenario "$crowd" --speed "$speed"
{ cat "$work/accounts.toml"; printf '[alerts]\ncentral_topic = "%s"\n' "$(world central_topic)"; } >"$config"

sleep "$((seconds + 60))" >"$work/keys" &
# `script` keeps what was written; only how much it is counts.
script -qfc "stty cols 200 rows 60; exec '$program' ${WALL---wall} --config '$config' --endpoint-url '$endpoint'" /dev/null <"$work/keys" \
  | python3 -c '
import os, sys
total = 0
while block := sys.stdin.buffer.read1(65536):
    total += len(block)
    # Whole or not at all: it is read meanwhile.
    with open(sys.argv[1] + ".new", "w") as file: file.write(str(total))
    os.replace(sys.argv[1] + ".new", sys.argv[1])' "$work/bytes" &
until dashboard=$(pgrep -nf -- "^[^ ]*(ssmwatch|$(basename "$program")) .*--config $config"); do sleep 0.1; done

ticks() { awk '{print $14 + $15}' "/proc/$dashboard/stat"; }
resident() { awk '/^VmRSS/ {printf "%.1f", $2 / 1024}' "/proc/$dashboard/status"; }
hz=$(getconf CLK_TCK)
began=$(date +%s)
before=$(ticks)
before_at=$began
written=0
printf '%8s %8s %7s %12s\n' seconds MB 'CPU %' bytes
while sleep "$every"; do
  kill -0 "$dashboard" 2>/dev/null || { echo "the dashboard ended" >&2; exit 1; }
  at=$(date +%s)
  now=$(ticks)
  all=$(cat "$work/bytes" 2>/dev/null || echo 0)
  awk -v t="$((at - began))" -v mb="$(resident)" -v used="$((now - before))" -v hz="$hz" -v s="$((at - before_at))" -v b="$((all - written))" \
    'BEGIN {printf "%8d %8.1f %7.2f %12d\n", t, mb, 100 * used / hz / s, b}'
  before=$now
  before_at=$at
  written=$all
  [ $((at - began)) -ge "$seconds" ] && break
done
awk '/^VmHWM/ {printf "peak %.1f MB\n", $2 / 1024}' "/proc/$dashboard/status"
kill -TERM "$dashboard"

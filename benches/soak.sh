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
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# The crowd of the default scenario, as large as makes that many sessions a day: each lasts 1,500 s on average.
awk -v active="$(( (a_day * 1500 + 43200) / 86400 ))" '
  /^\[/ { crowd = ($0 == "[crowd]") }
  crowd && /^active *=/ { $0 = "active = " active }
  { print }' "$scenario" >"$work/scenario.toml"
"$program" sim --scenario "$work/scenario.toml" --speed "$speed" >"$work/sim" 2>"$work/sim.err" &
sim=$!
until [ -e "$work/sim" ] && [ "$(wc -l <"$work/sim")" -ge 2 ]; do
  kill -0 "$sim" 2>/dev/null || { cat "$work/sim.err" >&2; exit 1; }
  sleep 0.1
done
endpoint=$(sed -n '1s/^listening on //p' "$work/sim")
python3 - "$work/sim" >"$work/config.toml" <<'PY'
import json, sys
world = json.loads(open(sys.argv[1]).read().splitlines()[1])
for account in world["accounts"]:
    print(f'[[accounts]]\nid = "{account["id"]}"\nname = "{account["name"]}"')
    print('regions = [' + ', '.join(f'"{region}"' for region in world["regions"]) + ']')
    print(f'role_arn = "arn:aws:iam::{account["id"]}:role/ssmwatch"\nexternal_id = "ssmwatch-demo"')
print(f'[compliance]\nlog_bucket = "{world["log_bucket"]}"')
print(f'[alerts]\ncentral_topic = "{world["central_topic"]}"')
PY
management=$(python3 -c 'import json,sys; print(json.loads(open(sys.argv[1]).read().splitlines()[1])["management_account"])' "$work/sim")

export HOME=$work AWS_ACCESS_KEY_ID=$management AWS_SECRET_ACCESS_KEY=simulated AWS_EC2_METADATA_DISABLED=true TERM=xterm-256color LANG=C.UTF-8
mkfifo "$work/keys"
sleep "$((seconds + 60))" >"$work/keys" &
# `script` keeps what was written; only how much it is counts.
script -qfc "stty cols 200 rows 60; exec '$program' ${WALL---wall} --config '$work/config.toml' --endpoint-url '$endpoint'" /dev/null <"$work/keys" \
  | python3 -c '
import sys
total = 0
while block := sys.stdin.buffer.read1(65536):
    total += len(block)
    with open(sys.argv[1], "w") as file: file.write(str(total))' "$work/bytes" &
until dashboard=$(pgrep -nf -- "^[^ ]*(ssmwatch|$(basename "$program")) .*--config $work/config.toml"); do sleep 0.1; done

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
